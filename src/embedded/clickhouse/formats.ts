/**
 * Formats whose pieces may be written one after another. The engine ends each piece as a document of its own, so a
 * format with a header or a footer (JSON, CSVWithNames, Parquet) would come out as several.
 */
const STREAMABLE = new Set(
  [
    'JSONEachRow',
    'JSONStringsEachRow',
    'JSONCompactEachRow',
    'JSONCompactStringsEachRow',
    'NDJSON',
    'JSONLines',
    'CSV',
    'TSV',
    'TabSeparated',
    'TSVRaw',
    'TabSeparatedRaw',
    'RowBinary',
    'Native',
  ].map((name) => name.toLowerCase()),
);

/** True when a result in this format can be sent piece by piece. */
export function isStreamable(format: string): boolean {
  return STREAMABLE.has(format.toLowerCase());
}

/** The Content-Type that ClickHouse sends for a format. */
export function contentTypeOf(format: string): string {
  const name = format.toLowerCase();
  if (/^(json|ndjson)/.test(name)) {
    return name.endsWith('eachrow') || /lines|^ndjson/.test(name)
      ? 'application/x-ndjson; charset=UTF-8'
      : 'application/json; charset=UTF-8';
  }
  if (/^(tsv|tabseparated)/.test(name)) return 'text/tab-separated-values; charset=UTF-8';
  if (name.startsWith('csv')) return `text/csv; charset=UTF-8; header=${name.includes('names') ? 'present' : 'absent'}`;
  if (/^(rowbinary|native|parquet|arrow|orc|avro|protobuf|msgpack|capnproto|bson|npy|sqlite)/.test(name)) {
    return 'application/octet-stream';
  }
  return 'text/plain; charset=UTF-8';
}
