"""Mappings: each mistake is refused when it is loaded, with file, key, wanted, got and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from streams.sources.mapping import FieldSpec, MappingError, SourceSpec, When, load_source
from tests.sources.mappings import RECHARGES, read, source, written

MISTAKES = [
    (
        'customer_id = "msisdn"\n',
        "",
        'sources.recharges.fields.customer_id: wanted a column or constant for it (its Kafka key), got none: add customer_id = "COLUMN" to [sources.recharges.fields]',
    ),
    ("account_id", "acount_id", "sources.recharges.fields.acount_id: wanted a field of balance_change, got 'acount_id': did you mean account_id?"),
    ('unit = "major" }\nbal', 'unit = "MB" }\nbal', "sources.recharges.fields.delta.unit: wanted one of minor, major, got 'MB': our delta is in minor"),
    (', unit = "major" }\nbal', " }\nbal", "sources.recharges.fields.delta.unit: wanted the file's unit: one of minor, major, got none: add unit = \"minor\" (ours) or the file's"),
    (
        'operation = "topup"',
        'operation = "top-up"',
        "sources.recharges.constants.operation: wanted one of adjust_credit, adjust_debit, charge, expire, grant, topup, transfer_in, transfer_out, got 'top-up': correct the constant",
    ),
    (', operation = "topup"', "", "sources.recharges.fields.operation: wanted a column or constant for it (a required field), got none"),
    ("[sources.recharges.fields]", '[sources.recharges.fields]\nchannel = "via"', "sources.recharges.fields.channel.map: wanted a map of the file's words to "),
    (
        "[sources.recharges.fields]",
        '[sources.recharges.fields]\nchannel = { from = "via", map = { WEB = "website" } }',
        "sources.recharges.fields.channel.map.WEB: wanted one of agent_dealer, ",
    ),
    (
        'time = "%d/%m/%Y %H:%M"',
        'time = "%d/%m %H:%M"',
        "sources.recharges.fields.event_time.time: wanted a year, a month and a day (%Y or %y, %m or %b, %d), got '%d/%m %H:%M': correct it",
    ),
    ('time = "%d/%m/%Y %H:%M"', 'time = "%d/%m/%Y %Q"', "sources.recharges.fields.event_time.time: wanted directives of "),
    ('time = "%d/%m/%Y %H:%M"', 'time = "%d/%m/%Y %I:%M"', "wanted %p beside %I, or %H: which half of the day is it?"),
    (', time = "%d/%m/%Y %H:%M"', "", "sources.recharges.fields.event_time.time: wanted how its times are written, got no format"),
    ('zone = "Africa/Lome"\n', "", "sources.recharges.fields.event_time.zone: wanted the zone of times without offset, got none"),
    ("Africa/Lome", "Lome", "sources.recharges.zone: wanted a zone by the IANA such as Asia/Shanghai, got 'Lome': did you mean Africa/Lome?"),
    ('id = ["receipt"]', "", "sources.recharges.id: wanted the columns that make a row the same when it is delivered twice, got none"),
    ('record = "balance_change"', 'record = "balance"', "sources.recharges.record: wanted one of voice_usage, "),
    ('record = "balance_change"', "", "sources.recharges.record: wanted the record type of its rows, or [[records]] for several, got neither"),
    (
        'record = "balance_change"',
        'record = "balance_change"\norder = "newest"',
        "sources.recharges.order: wanted one of 'as-is', 'sorted', 'newest-first', 'by-node', got 'newest': correct it",
    ),
    ('record = "balance_change"', 'record = "balance_change"\nfromat = "csv"', "sources.recharges: wanted a key of format, "),
    ('record = "balance_change"', 'record = "balance_change"\nformat = "fixed"', "sources.recharges.columns: wanted first and last character of each column, from 1, got None"),
    ('record = "balance_change"', 'record = "balance_change"\nheader = false', "sources.recharges.columns: wanted the names of the columns, since header = false"),
    ('record = "balance_change"', 'record = "balance_change"\ndelimiter = ";;"', "sources.recharges.delimiter: wanted one character, got ';;'"),
    (', currency = "GHS"', "", "sources.recharges.fields.delta.unit: wanted the currency, for its decimals, got none"),
    (
        'account_id = "msisdn"',
        'account_id = { from = "msisdn", hash = true }',
        "sources.recharges.fields.account_id.hash: wanted a key for hashes: without one a number is found by trying all, got none",
    ),
    (
        'account_id = "msisdn"',
        'account_id = { from = "msisdn", lookup = "lines", column = "a" }',
        "sources.recharges.fields.account_id: wanted a lookup of the source, which has none, and a column",
    ),
    (
        'account_id = "msisdn"',
        'account_id = { from = "msisdn", value = "x" }',
        "sources.recharges.fields.account_id: wanted one of from, value and a formula, got 2 of them: keep one",
    ),
    ('account_id = "msisdn"', 'account_id = { from = "msisdn", unit = "s" }', "sources.recharges.fields.account_id.unit: wanted no unit: account_id has none"),
    ('account_id = "msisdn"', 'account_id = { frm = "msisdn" }', "sources.recharges.fields.account_id: wanted a key of from, value, "),
    ('account_id = "msisdn"', 'account_id = { from = "msisdn", match = "(" }', "sources.recharges.fields.account_id.match: wanted a regular expression"),
    ('account_id = "msisdn"', 'account_id = { from = "msisdn", e164 = "+49" }', "sources.recharges.fields.account_id.e164: wanted a country code such as 49, got '+49'"),
    ('account_id = "msisdn"', 'account_id = { from = "msisdn", time = "iso" }', "sources.recharges.fields.account_id.time: wanted a time format for a time or date alone"),
    ('account_id = "msisdn"', 'account_id = "=delta"', "sources.recharges.fields.account_id: wanted a formula for a number or a time"),
    (
        'balance_after = { from = "new balance", unit = "major" }',
        'balance_after = "= delta + before"',
        "sources.recharges.fields.balance_after: wanted fields that this mapping fills, got 'before': add before to the fields, or _before as a helper",
    ),
    (
        'balance_after = { from = "new balance", unit = "major" }',
        'balance_after = "= delta * 2"',
        "wanted fields with + and - between, such as = start_time + duration_s, got '= delta * 2'",
    ),
    (
        'balance_after = { from = "new balance", unit = "major" }',
        'balance_after = "= event_time"',
        "sources.recharges.fields.balance_after: wanted terms in minor, as balance_after is, got event_time in time",
    ),
    (
        'balance_after = { from = "new balance", unit = "major" }',
        'balance_after = "= balance_after"',
        "wanted a formula that does not need itself, got balance_after → balance_after",
    ),
    ('account_id = "msisdn"', "account_id = 5", "sources.recharges.fields.account_id: wanted a table, got 5: see docs/sources.md"),
]


@pytest.mark.parametrize(("before", "after", "says"), MISTAKES)
def test_a_mistake_is_refused_with_its_place_and_a_remedy(tmp_path, before, after, says):
    assert before in RECHARGES
    with pytest.raises(MappingError) as caught:
        source(tmp_path, RECHARGES.replace(before, after, 1))
    assert says in str(caught.value)
    assert all(line.startswith(f"{tmp_path}/own.toml: sources.recharges") and line.count(": ") >= 2 for line in str(caught.value).splitlines()), caught.value


def test_all_mistakes_of_a_mapping_are_listed_at_once(tmp_path):
    with pytest.raises(MappingError) as caught:
        source(tmp_path, RECHARGES.replace("Africa/Lome", "Lome").replace('"topup"', '"top"').replace('"receipt"', "").replace('"%d/%m/%Y %H:%M"', '"%Y"'))
    assert len(str(caught.value).splitlines()) == 4


def test_a_source_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MappingError, match=r"--source: wanted a table \[sources.recharge\] in own.toml, got none: did you mean recharges\?"):
        load_source("recharge", {"recharges": {}}, "own.toml")
    with pytest.raises(MappingError, match="in the settings, got none: name the file with --config; 'kairos map --sample FILE' proposes a mapping"):
        load_source("recharges", {}, None)


def test_a_mapping_may_have_a_file_of_its_own(tmp_path):
    (tmp_path / "r.toml").write_text(RECHARGES.replace("[sources.recharges]\n", "").replace("[sources.recharges.fields]", "[fields]"))
    own = source(tmp_path, '[sources.recharges]\nfile = "r.toml"\n')
    assert own.place == (f"{tmp_path}/r.toml", "sources.recharges")
    (tmp_path / "r.toml").write_text(RECHARGES)
    assert source(tmp_path, '[sources.recharges]\nfile = "r.toml"\n').name == "recharges"
    with pytest.raises(MappingError, match=r"own.toml: sources.recharges.file: wanted a TOML file, got .*none.toml"):
        source(tmp_path, '[sources.recharges]\nfile = "none.toml"\n')


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("msisdn,customer\n1,C1\n1,C2\n", "wanted one row for each msisdn, got {path}:3: that of line 2 again: remove one, or add valid_from"),
        ("number,customer\n1,C1\n", "wanted a column 'msisdn', got {path} with number, customer: name one of these as `key`"),
        ("msisdn,customer,valid_from\n1,C1,1.5.26\n", "got {path}:2: '1.5.26', None: correct the cell"),
        ("msisdn;customer\n1;C1\n", "wanted a column 'msisdn', got {path} with msisdn;customer: name its sign: delimiter = \";\""),
        (None, "wanted a CSV table with a header, got {path}: No such file or directory"),
    ],
)
def test_a_lookup_s_table_is_checked_when_it_is_loaded(tmp_path, table, says):
    path = tmp_path / "numbers.csv"
    if table is not None:
        written(tmp_path, table, "numbers.csv")
    with pytest.raises(MappingError) as caught:
        source(tmp_path, RECHARGES.replace("zone =", 'lookups = { n = { file = "numbers.csv", key = "msisdn" } }\nzone ='))
    assert says.format(path=path) in str(caught.value)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('delimiter = ";;"', "wanted a CSV table with a header, got {path}: "),
        ('encoding = "klingon"', "wanted a CSV table with a header, got {path}: unknown encoding: klingon: correct its name, delimiter or encoding, or write it"),
        ("", 'wanted text in utf-8, got {path} in another encoding: name it: encoding = "cp1252", say'),
        ('encoding = "cp1252", valid_from = "ab"', "wanted a column 'ab', got {path} with msisdn, Straße, since: name one of these, or none"),
        ('encoding = "cp1252", valid_from = "since", time = "%d.%m"', "wanted a year, a month and a day (%Y or %y, %m or %b, %d), got '%d.%m': correct `time`"),
        (
            'encoding = "cp1252", valid_from = "since", time = "%d.%m.%Y"',
            "wanted a time as %d.%m.%Y, got {path}:3: '31.02.2026', None: correct the cell, or name its format as `time`",
        ),
    ],
)
def test_how_a_lookup_is_written_is_checked(tmp_path, more, says):
    (tmp_path / "numbers.csv").write_text("msisdn,Straße,since\n1,Höhe,01.02.2026\n2,Höhe,31.02.2026\n", "cp1252")
    with pytest.raises(MappingError) as caught:
        source(tmp_path, RECHARGES.replace("zone =", f'lookups = {{ n = {{ file = "numbers.csv", key = "msisdn", {more} }} }}\nzone ='.replace(",  }", " }")))
    assert says.format(path=tmp_path / "numbers.csv") in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (
            '{ file = "n.csv", key = "a", delimeter = ";" }',
            "sources.recharges.lookups.n: wanted a key of file, key, delimiter, encoding, valid_from, valid_until, time, got 'delimeter': did you mean delimiter?",
        ),
        ('{ file = "n.csv" }', "sources.recharges.lookups.n.key: wanted a value, got none: add key = …"),
        ('{ file = 7, key = "a" }', "sources.recharges.lookups.n.file: wanted `str`, got 7: correct it"),
        ('"n.csv"', "sources.recharges.lookups.n: wanted a table, got 'n.csv': see docs/sources.md"),
    ],
)
def test_a_mistake_in_a_lookup_is_told_with_its_key(tmp_path, spec, says):
    with pytest.raises(MappingError) as caught:
        source(tmp_path, RECHARGES.replace("zone =", f"lookups = {{ n = {spec} }}\nzone ="))
    assert says in str(caught.value)


def test_a_hash_needs_a_real_key(tmp_path):
    written(tmp_path, "short\n", "key")
    with pytest.raises(MappingError, match="sources.recharges.hash_key_file: wanted a file whose first line has 16 to 64 bytes, got 5 in "):
        source(tmp_path, RECHARGES.replace("zone =", 'hash_key_file = "key"\nzone ='))


def test_the_mapping_of_the_docs_reads_the_row_beside_it(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "sources.md").read_text("utf-8")
    mapping = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)[0]
    comments = re.findall("# (.*,.*)$", mapping, re.MULTILINE)
    assert len(mapping.splitlines()) <= 20
    records, bad, _ = read(source(tmp_path, mapping), written(tmp_path, "\n".join(comments) + "\n"))
    assert [(r["record_id"], r["delta"], r["balance_after"]) for r in records] == [("R1", 1250, 1307)]
    assert not bad


def test_the_docs_name_every_key():
    page = (Path(__file__).parents[2] / "docs" / "sources.md").read_text("utf-8")
    for spec in (SourceSpec, FieldSpec, When):
        for info in msgspec.structs.fields(spec):
            if info.encode_name not in ("value", "formula", "among", "records"):
                assert f"`{info.encode_name}`" in page or f"`{info.encode_name} = " in page, info.encode_name
