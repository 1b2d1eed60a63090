"""`kairos convert`, `kairos map` and `kairos replay --source`, tried as a new user would."""

from __future__ import annotations

import json
import tomllib

import pytest

from streams.sources.mapping import MappingError, source_of
from tests.cli.test_replay import kairos
from tests.sources.mappings import ASTERISK, ASTERISK_ROWS, CAMARA, RECHARGE_ROWS, RECHARGES, tmf, written
from tests.sources.test_formats import avro_file, avro_row

HEAD = RECHARGE_ROWS.splitlines(keepends=True)[0]


@pytest.fixture
def own(tmp_path):
    return written(tmp_path, RECHARGES, "own.toml")


def test_an_unknown_csv_becomes_events_with_at_most_twenty_lines_and_no_python(tmp_path, own):
    assert len([line for line in RECHARGES.splitlines() if line]) <= 20
    file = written(tmp_path, HEAD + "".join(f"0244,{amount},{after},0{day}/05/2026 09:30,R{day}\n" for day, (amount, after) in enumerate([(5, 5), (10, 12), (20, 30)], 1)))
    out = tmp_path / "events.jsonl"
    done = kairos("replay", file, "--source", "recharges", "--config", own, "--out", out, "--only", "topup.completed", "--json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line)["data"] for line in out.read_bytes().splitlines()]
    assert [(e["customer_id"], e["trigger"]["record_id"], e["detail"]["amount"]) for e in events] == [("0244", "R1", 500), ("0244", "R2", 1000), ("0244", "R3", 2000)]
    twice = kairos("replay", file, file, "--source", "recharges", "--config", own, "--out", tmp_path / "twice.jsonl", "--only", "topup.completed", "--json")
    assert json.loads(twice.stdout)["records"] == 6
    assert (tmp_path / "twice.jsonl").read_bytes() == out.read_bytes()


def test_a_replay_of_a_source_is_the_replay_of_its_converted_files(tmp_path, own):
    lines = [f"02{who},{who % 7 + 1},{who % 50},0{1 + who % 9}/05/2026 0{who % 10}:{who % 60:02},R{who}\n" for who in range(700)]
    files = [written(tmp_path, HEAD + "".join(lines[part::2]), f"{part}.csv") for part in (0, 1)]
    text = RECHARGES.replace("zone =", 'order = "sorted"\nzone =')
    own.write_text(text)
    assert kairos("convert", *files, "--source", "recharges", "--config", own, "--out", tmp_path / "raw.jsonl").returncode == 0
    times = [json.loads(line)["event_time"] for line in (tmp_path / "raw.jsonl").read_bytes().splitlines()]
    assert len(times) == 700
    assert times == sorted(times)
    for name, arguments in (("a", ["replay", tmp_path / "raw.jsonl"]), ("b", ["replay", *files, "--source", "recharges"])):
        done = kairos(*arguments, "--config", own, "--out", tmp_path / name, "--partitions", "2")
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != b""


def test_rows_that_cannot_be_used_are_written_with_their_place(tmp_path, own):
    file = written(tmp_path, RECHARGE_ROWS + "0244,x,1,01/05/2026 09:33,R3\n0244,1,1,2026-05-01,R4\n0244,2\n", "may.csv")
    for command in ("convert", "replay"):
        done = kairos(command, file, "--source", "recharges", "--config", own, "--rejects", tmp_path / "bad.jsonl")
        assert done.returncode == 0, done.stderr
        bad = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_bytes().splitlines()]
        assert [(one["where"].rpartition("/")[2], one["reason"], one["field"], one["wanted"], one["got"]) for one in bad] == [
            ("may.csv:4", "bad_value", "delta", "an amount, not finer than the currency", "x"),
            ("may.csv:5", "bad_value", "event_time", "a time as %d/%m/%Y %H:%M", "2026-05-01"),
            ("may.csv:6", "bad_row", "row", "5 cells", "2"),
        ]
        assert bad[0]["detail"] == f"delta: wanted an amount, not finer than the currency, got x ({file}:4)"
    summary = json.loads(kairos("convert", file, "--source", "recharges", "--config", own, "--json").stdout)
    assert (summary["rows"], summary["records"], summary["bad"], summary["skipped"]) == (5, 2, 3, 0)
    assert summary["refused"][0] == {"field": "delta", "wanted": "an amount, not finer than the currency", "count": 1, "first": f"{file}:4"}


def test_dead_letters_of_the_engine_name_the_row_of_the_file(tmp_path, own):
    rows = HEAD + "0244,5,5,20/05/2026 09:30,R1\n0244,5,9,01/05/2026 09:30,R2\n"
    file = written(tmp_path, rows, "may.csv")
    done = kairos("replay", file, "--source", "recharges", "--config", own, "--rejects", tmp_path / "bad.jsonl")
    assert done.returncode == 0, done.stderr
    assert [(one["reason"], one["where"]) for one in map(json.loads, (tmp_path / "bad.jsonl").read_bytes().splitlines())] == [("late", f"{file}:3")]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (HEAD.replace("amount", "sum") + "1,1,1,01/05/2026 09:30,R1\n", "a header without amount: msisdn, sum, new balance, time, receipt: has the format changed?"),
        (HEAD + "1,x,1,01/05/2026 09:30,R1\n", "none of 1 rows became a record"),
    ],
)
def test_a_file_of_another_format_leaves_the_output_alone(tmp_path, own, rows, says):
    out = written(tmp_path, "before", "out.jsonl")
    done = kairos("convert", written(tmp_path, rows), "--source", "recharges", "--config", own, "--out", out)
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert out.read_text() == "before"
    assert kairos("replay", tmp_path / "in.csv", "--source", "recharges", "--config", own).returncode == 2


def test_convert_reads_stdin_and_writes_stdout(tmp_path, own):
    done = kairos("convert", "-", "--source", "recharges", "--config", own, "--out", "-", stdin=RECHARGE_ROWS.encode())
    assert [json.loads(line)["record_id"] for line in done.stdout.splitlines()] == ["R1", "R2"]
    assert b"2 records of 2 rows" in done.stderr
    assert kairos("replay", "-", "--source", "recharges", "--config", own, stdin=RECHARGE_ROWS.encode()).returncode == 0


def proposed(tmp_path, file, *more):
    """What `kairos map` proposes for a file: the text, the mapping and what it could not guess."""
    done = kairos("map", "--sample", file, "--name", "mine", *more)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    table = tomllib.loads(text)["sources"]["mine"]
    return text, table, [line.removeprefix("not guessed: ").partition(":")[0] for line in done.stderr.decode().splitlines() if line.startswith("not guessed")]


def faults(table, file):
    try:
        source_of("mine", table, str(file))
    except MappingError as error:
        return str(error).splitlines()
    return []


SAMPLES = {
    "recharges.csv": (RECHARGE_ROWS.replace("5,5.00", "5.00,5.00"), "balance_change"),
    "calls.csv": ("caller;called;start;answer;end;talk seconds\n49301;49302;2026-05-01 10:00:00;2026-05-01 10:00:05;2026-05-01 10:01:00;55\n" * 3, "voice_usage"),
    "payments.jsonl": (tmf(1, 12.5) + tmf(2, 3.5), "payment"),
    "Master.csv": (ASTERISK_ROWS, "voice_usage"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_proposal_is_a_mapping_but_for_what_it_says_is_missing(tmp_path, name):
    text, record = SAMPLES[name]
    _, table, missing = proposed(tmp_path, written(tmp_path, text, name), *(("--record", record) if name == "Master.csv" else ()))
    assert table["record"] == record
    found = faults(table, tmp_path / "p.toml")
    assert all(any(f".{field}: " in fault for field in missing) for fault in found), found
    assert {field for field in missing if field != "id"} >= {fault.partition(": wanted")[0].rpartition(".")[2] for fault in found}


def test_a_proposal_finds_columns_formats_units_and_words(tmp_path):
    text, table, missing = proposed(tmp_path, written(tmp_path, *(SAMPLES["payments.jsonl"][0], "payments.jsonl")))
    assert table["format"] == "json"
    assert table["id"] == ["eventId"]
    assert table["fields"]["customer_id"] == "event.payment.payer.id"
    assert table["fields"]["event_time"] == {"from": "eventTime", "time": "iso"}
    assert table["fields"]["amount_minor"] == {"from": "event.payment.totalAmount.value", "unit": "major"}
    assert table["fields"]["method"] == {"from": "event.payment.paymentMethod.@type", "map": {"bankCard": "bank_card"}}
    assert missing == ["kind", "purpose", "channel"]
    assert '#? kind = { value = "payment" }' in text
    filled = text.replace('#? kind = { value = "payment" }', 'kind = { value = "payment" }').replace('#? purpose = { value = "topup" }', 'purpose = { value = "topup" }')
    filled = filled.replace("#? channel = { from", "channel = { from").replace('"selfcare" = "?"', '"selfcare" = "app"')
    own = written(tmp_path, filled, "own.toml")
    done = kairos("convert", tmp_path / "payments.jsonl", "--source", "mine", "--config", own, "--out", "-")
    assert [json.loads(line)["amount_minor"] for line in done.stdout.splitlines()] == [1250, 350], done.stderr


def test_a_proposal_knows_separators_dates_in_two_columns_avro_and_fixed_width(tmp_path):
    rows = "".join(f"id{at}|49301|{at + 1:02}/05/2026|10:00:00|10:05:00|{at + 1:02}/05/2026\n" for at in range(20))
    _, table, _ = proposed(tmp_path, written(tmp_path, "call id|caller|start date|start time|end time|end date\n" + rows, "calls.csv"))
    assert (table["delimiter"], table["id"]) == ("|", ["call id"])
    assert table["fields"]["event_time"] == {"from": ["end date", "end time"], "time": "%d/%m/%Y %H:%M:%S"}
    assert table["fields"]["start_time"] == {"from": ["start date", "start time"], "time": "%d/%m/%Y %H:%M:%S"}
    _, table, _ = proposed(tmp_path, avro_file(tmp_path / "sessions.avro", [avro_row(part) for part in range(3)]))
    assert (table["format"], table["record"]) == ("avro", "data_usage")
    assert table["fields"]["subscription_id"] == "subscriber.line"
    _, table, _ = proposed(tmp_path, written(tmp_path, "S1   20260501100000  065\nS2   20260501110000   10\n", "trunk.dat"), "--record", "voice_usage")
    assert table["columns"] == {"c1": [1, 2], "c2": [6, 19], "c3": [22, 24]}


def german(tmp_path, rows=200):
    """An export of calls, data and recharges in one file, with broken rows, a row that comes twice, and a footer, as Windows writes it."""
    head = "LfdNr;Satzart;Rufnummer;Zeitpunkt;Dauer;Volumen_MB;Gegenstelle;Betrag;Guthaben;Straße\r\n"
    kinds = ("SPR;0049157{0:05};{1};00:01:30;;0049301234;;;Weg", "DAT;0049157{0:05};{1};00:10:00;1.2{0:02},5;;;;Weg", "AUF;0049157{0:05};{1};;;;1.050,00;1.2{0:02},75;Weg")
    lines = [f"{at};{kinds[at % 3].format(at % 90, '31.02.2026 10:00:00' if at == 7 else f'24.10.2026 {at % 24:02}:00:00')}\r\n" for at in range(rows)]
    path = tmp_path / "verbrauch.csv"
    path.write_bytes((head + "".join([*lines[:3], *lines[2:], "Summe;;;;;;;;;\r\n"])).encode("cp1252"))
    return path


def test_a_proposal_knows_encoding_signs_of_numbers_days_by_points_and_rows_of_several_kinds(tmp_path):
    text, table, missing = proposed(tmp_path, german(tmp_path))
    assert "from 202 rows" in text
    assert {key: table[key] for key in ("delimiter", "decimal", "thousands", "encoding")} == {"delimiter": ";", "decimal": ",", "thousands": ".", "encoding": "cp1252"}
    assert table["fields"]["event_time"] == {"from": "Zeitpunkt", "time": "%d.%m.%Y %H:%M:%S"}
    assert table["fields"]["duration_s"] == {"from": "Dauer", "unit": "h:m:s"}
    assert table["fields"]["total_bytes"] == {"from": "Volumen_MB", "unit": "MB"}
    assert table["id"] == ["LfdNr"]
    assert "#? Satzart seems to say what a row is" in text
    assert [line for line in text.splitlines() if line.startswith("#?   when")] == [
        '#?   when = { Satzart = "SPR" }  # 67 rows',
        '#?   when = { Satzart = "DAT" }  # 67 rows',
        '#?   when = { Satzart = "AUF" }  # 67 rows',
    ]
    assert "record" in missing


def test_kinds_of_rows_that_no_record_takes_are_named_with_what_takes_them(tmp_path, own):
    """The commonest first; what a lookup or an amount says names no customer's value."""
    own.write_text(RECHARGES.replace("zone =", 'when = { shop = ["1"], amount = { above = 0 } }\nzone =', 1))
    rows = [(1, 5), (2, 5), (2, 5), (2, 0), (1, 0), *((3 + at, 1) for at in range(6))]
    text = HEAD.replace("receipt", "receipt,shop") + "".join(f"0244,{amount},9,01/05/2026 09:{at:02},R{at},{shop}\n" for at, (shop, amount) in enumerate(rows))
    file = written(tmp_path, text, "may.csv")
    said = "skipped: shop '2': 3 rows; shop '1': 1 rows; shop '3': 1 rows; shop '4': 1 rows; shop '5': 1 rows; others: 3 rows: a [[sources.NAME.records]] with when = { shop = \"2\" } takes them"
    for command in ("convert", "replay"):
        done = kairos(command, file, "--source", "recharges", "--config", own)
        assert done.returncode == 0, done.stderr
        assert said in done.stderr.decode()
    summary = json.loads(kairos("convert", file, "--source", "recharges", "--config", own, "--json").stdout)
    assert (summary["skipped"], summary["skipped_kinds"][0]) == (10, {"values": {"shop": "2"}, "count": 3})


@pytest.mark.parametrize(
    ("cells", "keys"),
    [
        (["1.50", "2.25"], {}),
        (["1,50", "12,25"], {"decimal": ","}),
        (["1.234,50", "2,00"], {"decimal": ",", "thousands": "."}),
        (["1,234.50", "2.00"], {"thousands": ","}),
        (["1 234,50", "2,00"], {"decimal": ",", "thousands": " "}),
        (["1.234", "2.345"], {}),
        (["25,211", "1,5"], {"decimal": ","}),
    ],
)
def test_a_proposal_tells_decimals_from_thousands(tmp_path, cells, keys):
    rows = "".join(f"{at};0244;{cells[at % len(cells)]};2026-05-01 09:30:00\n" for at in range(6))
    text, table, _ = proposed(tmp_path, written(tmp_path, "receipt;msisdn;amount;time\n" + rows, "recharges.csv"))
    assert {key: table[key] for key in ("decimal", "thousands") if key in table} == keys
    assert "from 6 rows" in text


def test_a_proposal_leaves_out_half_a_last_row(tmp_path):
    text, table, _ = proposed(
        tmp_path, written(tmp_path, "receipt;msisdn;amount;time\n1;0244;5;2026-05-01 09:30:00\n2;0244;5;2026-05-01 09:30:00\n3;0244;5;2026-", "recharges.csv")
    )
    assert "from 2 rows" in text
    assert table["fields"]["event_time"] == {"from": "time", "time": "iso"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "got an empty file"),
        (b"\x00\x01\x02\n\x00", "got another format"),
        (b'{\n  "a": 1\n}\n', ":1: wanted one JSON object a line, got"),
        (b"just words\nmore words here\nand\n", "wanted rows with figures, got words alone"),
        (b"word\nwords\n", "wanted cells separated by"),
    ],
)
def test_a_sample_that_is_no_table_is_refused(tmp_path, content, says):
    done = kairos("map", "--sample", written(tmp_path, content, "s.dat"))
    assert done.returncode == 2
    assert says in done.stderr.decode()


def test_names_that_are_none_are_refused(tmp_path, own):
    assert b"did you mean recharges?" in kairos("convert", own, "--source", "recharge", "--config", own).stderr
    assert b"--record: wanted one of voice_usage, " in kairos("map", "--sample", own, "--record", "call").stderr
    assert b"wanted stdout for the summary alone" in kairos("convert", own, "--source", "recharges", "--config", own, "--out", "-", "--json").stderr


@pytest.mark.parametrize(("mapping", "rows", "name"), [(ASTERISK, ASTERISK_ROWS, "pbx"), (CAMARA, tmf(1, 5) + tmf(2, 7), "payments")])
def test_other_formats_become_events(tmp_path, mapping, rows, name):
    done = kairos("replay", written(tmp_path, rows, "in"), "--source", name, "--config", written(tmp_path, mapping, "own.toml"), "--json")
    assert done.returncode == 0, done.stderr
    by_event = json.loads(done.stdout)["by_event"]
    assert {event for event, count in by_event.items() if count} >= ({"payment.received"} if name == "payments" else {"line.first_use"})
