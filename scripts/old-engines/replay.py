"""replay.py RECORDING FOLDER: runs recorded statements on the engine of the `chdb` that is installed.

Prints what the engine refuses and where it counts other rows than the recording. Exit code 0: nothing of it."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys

recording, folder = sys.argv[1:3]
MOST_REFUSALS = 5

# What an engine may refuse: the words of the statement, and why nothing is lost.
ALLOWED = {
    'CHECK GRANT': 'doctor does without it',
    'FROM system.disks': 'servers of this version have it, an engine without a server has not',
}

# Releases of chdb before 3 start an engine anew for each call, and cannot open one folder twice: all goes into one call.
# Engines of before 24 write errors to stderr alone, and do not always end by themselves.
ENGINE = """
import os, sys
from chdb import session
try:
    session.Session(sys.argv[1]).query(sys.stdin.read(), 'TabSeparated')
except Exception as failure:
    os.write(2, str(failure).encode())
os._exit(0)
"""

# What the HTTP interface itself takes; every other field is a setting or a parameter. A session cannot leave `readonly`.
INTERFACE = set(
    'query database query_id default_format user password session_id session_timeout session_check role readonly '
    'client_protocol_version wait_end_of_query buffer_size stacktrace enable_http_compression compress decompress '
    'send_progress_in_http_headers http_headers_progress_interval_ms'.split()
)


def literal(text):
    return "'" + text.replace("'", "\\'") + "'"


def with_parameters(sql, fields):
    """Parameters in the place of their names: sessions of older engines take none."""

    def value(match):
        name, kind = match.group(1), match.group(2).strip()
        given = fields['param_' + name]
        if kind == 'Identifier':
            return '`' + given + '`'
        if given == '\\N' and kind.startswith('Nullable'):
            return 'NULL'
        return f'CAST({literal(given)}, {literal(kind)})'

    return re.sub(r'\{(\w+):\s*([^{}]+)\}', value, sql)


def statement_of(entry):
    fields, body = entry['fields'], base64.b64decode(entry['body'])
    if 'query' in fields:
        return fields['query'], body
    # Rows may follow the statement in the body.
    match = re.match(rb'\s*INSERT INTO [^\n]*?FORMAT (?:Native|JSONEachRow|CSVWithNames)\s?\n?', body)
    if match:
        return match.group(0).decode(), body[match.end() :]
    return body.decode(), b''


def is_count(sql):
    return ' AS held FROM' in sql


def count_of(text):
    return text.strip().split('\n')[-1]


def path_of(number, kind):
    return os.path.join(folder, f'{number}.{kind}')


def lines_of(number, entry, used):
    """The statements of an entry for one session, and its settings; those of the entry before (`used`) are taken back."""
    fields = entry['fields']
    sql, body = statement_of(entry)
    sql = with_parameters(sql.strip().rstrip(';'), fields)
    settings = {name: value for name, value in fields.items() if name not in INTERFACE and not name.startswith('param_')}
    if body:
        with open(path_of(number, 'rows'), 'wb') as out:
            out.write(body)
        head, form = re.match(r'(.*?)\s+FORMAT\s+(\w+)\s*$', sql, re.S).groups()
        settings['max_block_size'] = settings.get('max_insert_block_size', '1048449')
        sql = f"{head} FROM INFILE '{path_of(number, 'rows')}' COMPRESSION 'none' FORMAT {form}"
    elif is_count(sql):
        sql = re.sub(r'\s+FORMAT\s+\w+\s*$', '', sql) + f" INTO OUTFILE '{path_of(number, 'count')}' FORMAT TabSeparated"
    lines = ['USE ' + fields['database']] if fields.get('database') else []
    lines += [f'SET {name} = DEFAULT' for name in sorted(used - settings.keys())]
    lines += [f'SET {name} = {literal(value)}' for name, value in settings.items()]
    return [*lines, sql], set(settings)


def replay(entries, left_out):
    """One call with all entries but those left out: the engine's version, the entry that it refuses (or None), and why."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    version, passed = os.path.join(folder, 'version'), os.path.join(folder, 'passed')
    open(passed, 'w').close()
    script, used = [f"SELECT version() INTO OUTFILE '{version}' FORMAT TabSeparated"], set()
    numbers = [number for number in range(len(entries)) if number not in left_out]
    for number in numbers:
        lines, used = lines_of(number, entries[number], used)
        script += [*lines, f"SELECT {number} INTO OUTFILE '{passed}' APPEND FORMAT TabSeparated"]
    said = subprocess.run(
        [sys.executable, '-c', ENGINE, os.path.join(folder, 'store')],
        input='\n;\n'.join(script).encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=300,
    )
    why = re.sub(r'\s+', ' ', said.stderr.decode(errors='replace')).strip() or f'exit code {said.returncode}'
    if not os.path.exists(version):
        sys.exit(f'the engine does not start: {why[:600]}')
    done = len(open(passed).read().split())
    return open(version).read().strip(), numbers[done] if done < len(numbers) else None, why


with open(recording, encoding='utf8') as lines:
    entries = [json.loads(line) for line in lines]
refused, allowed = {}, {}
while True:
    version, number, why = replay(entries, refused.keys() | allowed.keys())
    if number is None:
        break
    words = next((words for words in ALLOWED if words in statement_of(entries[number])[0]), None)
    if words is not None:
        alike = [count for count, entry in enumerate(entries) if words in statement_of(entry)[0]]
        allowed.update(dict.fromkeys(alike, words))
        continue
    refused[number] = why
    if len(refused) >= MOST_REFUSALS:
        break
if number is None:
    for count, entry in enumerate(entries):
        if count in refused or not is_count(statement_of(entry)[0]):
            continue
        found = count_of(open(path_of(count, 'count')).read())
        wanted = count_of(base64.b64decode(entry['answer']).decode())
        if found != wanted:
            refused[count] = f'{found} rows instead of {wanted}'
    print(f'ClickHouse {version}: {len(entries) - len(refused) - len(allowed)} of {len(entries)} statements pass')
else:
    print(f'ClickHouse {version}: given up after {len(refused)} refusals, at statement {number + 1} of {len(entries)}')
for words in dict.fromkeys(allowed.values()):
    print(f'  left out: {list(allowed.values()).count(words)} with {words} ({ALLOWED[words]})')
for count, why in refused.items():
    shape = re.sub(r'\s+', ' ', statement_of(entries[count])[0])[:100]
    print(f'  {count + 1}: {shape} ...\n      {why[:300]}')
sys.exit(1 if refused else 0)
