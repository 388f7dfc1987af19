"""The tiktokfer line (Surabhi et al. 2022): one module per stretch of the line.

Belongs here: steps. `steps.py` lists them in the order data flows.
"""
