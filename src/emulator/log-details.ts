import type { LogFacts } from './log-facts.js';
import { hex8, pick } from './random.js';
import { toWire, type WireText } from './wire-text.js';

/** What the details of a log are written from. */
export interface DetailsContext {
  readonly log: LogFacts;
  readonly connection: WireText;
  /** Name of the user as it stands inside JSON quotes. */
  readonly userName: WireText;
  readonly userId: WireText;
}

/** Writes the `details` member of a log; undefined when the log has none. */
export type DetailsWriter = (context: DetailsContext) => WireText | undefined;

/**
 * Makes the writer. The texts keep what a parse and a print would lose: 24-digit integers, `1.10`, escapes that need not be ones
 * (`\u00e9`, `\/`), nulls deep inside, keys in their own order.
 */
export function createDetailsWriter(): DetailsWriter {
  const notes = [
    toWire('caf\\u00e9 \\/ \\ud83d\\ude80'),
    toWire('déjà vu 🚀'),
    toWire('tab\\there'),
    toWire('"quoted" \\\\ path').replaceAll('"', '\\"'),
  ] as const;

  return ({ log, connection, userName, userId }) => {
    const { bits, dateMs } = log;
    const trace = `${1_000_000_000_000 + bits}${String(dateMs).slice(-11)}`;
    switch (log.kind.details) {
      case 'login':
        return `{"prompts":[{"name":"prompt-authenticate","initiatedAt":${dateMs - 2000},"completedAt":${dateMs - 300},"connection":"${connection}","connection_id":null,"strategy":"auth0","identity":"${hex8(bits)}","stats":{"loginsCount":${bits % 500}},"elapsedTime":1700},{"name":"login","flow":"universal-login","initiatedAt":${dateMs - 2100},"completedAt":${dateMs - 200},"timers":{"rules":${bits % 900}},"user_name":"${userName}","elapsedTime":1900}],"initiatedAt":${dateMs - 2100},"completedAt":${dateMs},"elapsedTime":2100,"session_id":"${hex8(bits)}${hex8(bits ^ 0x5a5a5a5a)}","riskAssessment":{"confidence":1.10,"assessments":{"ImpossibleTravel":null,"trace":${trace}}},"actions":{"executions":[]}}`;
      case 'failure':
        return `{"error":{"message":"Wrong email or password.","oauthError":"invalid_grant","type":"invalid_grant","uri":"https:\\/\\/auth0.com\\/docs"},"body":{"client_id":null,"username":"${userName}","password":"*****","note":"${pick(notes, bits)}","tenant":"emulator"},"qs":{},"connection":"${connection}","attempt":${bits % 9},"ratio":0.50,"trace":${trace}}`;
      case 'exchange':
        return bits % 5 === 0
          ? '{}'
          : `{"code":"*************${hex8(bits).slice(5)}","accessedSecrets":null,"session":{"id":"${hex8(bits ^ 0x33cc33cc)}","amr":["pwd"]}}`;
      case 'api':
        return `{"request":{"method":"patch","path":"\\/api\\/v2\\/users\\/${hex8(bits)}","query":{},"userAgent":"node-fetch\\/1.0","body":{"app_metadata":{"limits":{"ratio":1.10,"credit":${trace},"note":null},"label":"${pick(notes, bits)}"}},"channel":"https:\\/\\/manage.auth0.com\\/","ip":"203.0.113.7","auth":{"user":{"user_id":"${userId}","name":"${userName}"},"strategy":"jwt","credentials":{"jti":"${hex8(bits)}","scopes":["read:users","update:users"]}}},"response":{"statusCode":200,"body":{"user_id":"${userId}","empty":{},"list":[null,1.0,-0.0,1e3]}}}`;
      case 'limit':
        return `{"limit":${trace},"window":{"seconds":1.10,"until":null},"ips":["203.0.113.${bits & 255}"]}`;
      case 'future':
        return `{"shape":"unknown","matrix":[[1,2.50],[null,[]]],"big":${trace},"note":"${pick(notes, bits)}"}`;
      case 'empty':
        return 'null';
      default:
        return bits % 2 === 0 ? undefined : '{}';
    }
  };
}
