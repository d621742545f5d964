/** A failure as ClickHouse reports it: number, name and the text that a server would send. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Builds an error in ClickHouse's own wording, e.g. `Code: 62. DB::Exception: ... (SYNTAX_ERROR)`. */
export function engineError(code: number, type: string, text: string): EngineError {
  return new EngineError(code, `Code: ${code}. DB::Exception: ${text} (${type})`);
}

const PREFIX = /^Code: (\d+)\. DB::Exception: /;

/**
 * Reads what the native call threw. The embedded engine wraps some errors once a layer
 * ("Code: 73. DB::Exception: Code: 73. DB::Exception: Unknown format Foo. (UNKNOWN_FORMAT) (version ...). (UNKNOWN_FORMAT)");
 * only the innermost is kept.
 */
export function parseEngineError(cause: unknown): EngineError {
  let text = cause instanceof Error ? cause.message : String(cause);
  let code = 1001;
  for (let match = PREFIX.exec(text); match !== null; match = PREFIX.exec(text)) {
    code = Number(match[1]);
    text = text.slice(match[0].length);
  }
  const inner = /^([\s\S]*? \([A-Z][A-Z0-9_]+\)) \(version [^)]*\)/.exec(text);
  text = (inner?.[1] ?? text).trimEnd();
  if (!/\([A-Z][A-Z0-9_]+\)$/.test(text)) text += code === 1001 ? ' (STD_EXCEPTION)' : ' (UNKNOWN_EXCEPTION)';
  return new EngineError(code, `Code: ${code}. DB::Exception: ${text}`);
}

// The table of ClickHouse's src/Server/HTTP/exceptionCodeToHTTPStatus.cpp.
const STATUS: readonly (readonly [status: number, codes: readonly number[]])[] = [
  [400, [6, 8, 15, 25, 26, 27, 36, 38, 41, 44, 53, 62, 72, 117, 130, 167, 168, 321, 376, 427, 441, 675, 676]],
  [401, [194]],
  [403, [192, 193, 497, 512, 516]],
  [404, [46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 336, 511]],
  [408, [159]],
  [411, [381]],
  [413, [413]],
  [501, [48]],
  [503, [209, 439, 76]],
];

/** The HTTP status with which a ClickHouse server answers an error code. */
export function httpStatus(code: number): number {
  return STATUS.find(([, codes]) => codes.includes(code))?.[0] ?? 500;
}
