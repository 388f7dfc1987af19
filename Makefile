# make demo        the main job: render, build, train, score (fer_data/demo/tiktokfer)
# make demo-affect expressions, affect and action units per frame (fer_data/demo/frame_affect)
# make test        the tests
# make ui          webserver and daemon on the results, http://127.0.0.1:3000 (LINE=frame_affect)
# make bench       speed against peers, one JSON line per case (downloads the peers)
# make fuzz        thousands of damaged videos and sound tracks through the decoder
# make check       lint, format, types, import rules

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LINE ?= tiktokfer
export FER_WEIGHTS ?= $(CURDIR)/fer_data/weights
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo demo-affect test ui bench fuzz check clean

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --progress-bar off -e '.[demo,dev]'
	touch $@

demo: $(READY)
	$(BIN)/fer-assets demo tiktokfer

demo-affect: $(READY)
	$(BIN)/fer-assets demo frame_affect

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist loadfile

ui: $(READY)
	$(BIN)/fer-assets --root fer_data/demo/$(LINE) ui

# audio-offset-finder declares numpy<2 but runs with numpy 2; its other needs are in the extra.
$(VENV)/.bench: $(READY)
	$(BIN)/python -m pip install --quiet --progress-bar off -e '.[bench]'
	$(BIN)/python -m pip install --quiet --progress-bar off --no-deps audio-offset-finder==0.5.5
	touch $@

bench: $(VENV)/.bench
	$(BIN)/python -m bench $(QUESTIONS)

fuzz: $(READY)
	$(BIN)/python -m fer_assets_tests.fuzz $(FUZZ)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest fer_assets_tests/architecture
	$(BIN)/hadolint docker/Dockerfile

clean:
	rm -rf fer_data/demo .pytest_cache .mypy_cache .ruff_cache
