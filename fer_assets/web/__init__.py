"""Leaf: small server-rendered pages for people: signing, guards, forms, templates, serving.

Belongs here: what every page of the project needs, whatever it shows. Does not belong here: what a
page is about, and sessions of its users (`labels/page/`, `identities/review/`).
"""
