"""`fer-assets label`: invitations, reports, withdrawals, and what is refused."""

from __future__ import annotations

import csv
import io
import json

import pytest
from click.testing import CliRunner

from fer_assets.commands.label import label
from fer_assets.errors import FerError
from fer_assets.labels.page.answer_book import Entry
from fer_assets.labels.page.invitations import admit
from fer_assets.lines.tiktokfer.page_answers import collect_page_answers, open_book
from fer_assets_tests.labels.page.roots import KEY, SAD, make_root


@pytest.fixture
def workspace(tmp_path):
    return make_root(tmp_path)


def run(workspace, *arguments, code=0):
    result = CliRunner().invoke(label, [*arguments], obj=str(workspace.store.root))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def invited(workspace, n=1):
    return json.loads(
        run(workspace, "invite", "--partition", KEY, "--workers", str(n), "--json", "--days", "2",
            "--url", "https://label.example/")
    )  # fmt: skip


def answer(workspace, worker, n, seconds=1800.0):
    book = open_book(workspace, KEY)
    for i in range(n):
        book.add(Entry(f"t{i}", f"f{i}", worker, 0, "answer", SAD, duration_s=seconds, at_s=9.0))
    book.close()


def test_links_lead_in(workspace):
    rows = invited(workspace, 3)
    assert len(rows) == 3
    assert all(row["link"].startswith("https://label.example/enter/") for row in rows)
    book = open_book(workspace, KEY)
    token = rows[0]["link"].rsplit("/", 1)[1]
    assert admit(book, token).worker == rows[0]["worker"]
    run(workspace, "revoke", "--partition", KEY, rows[0]["worker"])
    with pytest.raises(FerError, match="closed"):
        admit(book, token)
    book.close()


def test_the_partition_may_stand_before_the_subcommand(workspace):
    assert json.loads(run(workspace, "--partition", KEY, "report", "--json")) == []


def test_the_report_tells_time_and_pay(workspace):
    ada, bob = (row["worker"] for row in invited(workspace, 2))
    answer(workspace, ada, 3)
    arguments = ("report", "--partition", KEY, "--pay-per-hour", "10")
    found = {row["worker"]: row for row in json.loads(run(workspace, *arguments, "--json"))}
    assert (found[ada]["n_answers"], found[ada]["hours"], found[ada]["pay"]) == (3, 1.5, 15.0)
    assert found[bob]["pay"] == 0.0
    table = list(csv.DictReader(io.StringIO(run(workspace, *arguments, "--csv"))))
    assert [row["worker"] for row in table] == [ada, bob]
    assert table[0]["time_s"] == "5400.0"
    printed = run(workspace, *arguments, "--currency", "EUR")
    assert "15.00 EUR" in printed
    assert "all" in printed


def test_a_withdrawal_removes_answers_from_the_book_and_the_file(workspace):
    ada, bob = (row["worker"] for row in invited(workspace, 2))
    answer(workspace, ada, 2)
    answer(workspace, bob, 1)
    assert collect_page_answers(workspace, KEY) == 3 * len(SAD)
    run(workspace, "withdraw", "--partition", KEY, ada, code=1)  # nobody said yes
    assert "2 rows" in run(workspace, "withdraw", "--partition", KEY, ada, "--yes")
    assert collect_page_answers(workspace, KEY) == len(SAD)


@pytest.mark.parametrize("command", ["revoke", "withdraw"])
def test_an_unknown_worker_is_one_sentence(workspace, command):
    assert "no worker w-nobody" in run(workspace, command, "--partition", KEY, "w-nobody", code=1)


def test_a_missing_or_unknown_challenge_is_one_sentence(workspace):
    assert "--partition KEY" in run(workspace, "report", code=2)
    with pytest.raises(FerError, match="nowhere"):
        run(workspace, "report", "--partition", "nowhere")


def test_it_listens_on_this_machine_only_unless_told(workspace):
    with pytest.raises(FerError, match="allow-network"):
        run(workspace, "--partition", KEY, "--host", "0.0.0.0", "--port", "0")
