import { expect, it } from 'vitest';
import { classifyAnswer, classifyTokenAnswer } from '../../src/auth0/classify.js';
import { loggerTo } from '../../src/logger.js';
import { inJson, onLines, onOneLine } from '../../src/printable.js';

const EVIL = 'a\u001B[31mb\u001B]0;title\u0007c\r\nd\u009Be\u202Ef\u2028g\u0000h';

it('keeps texts of others from steering a terminal or making a line of their own', () => {
  expect(onOneLine(EVIL)).toMatch(/^[ -~]+$/);
  expect(onLines(`x\n\ty${EVIL}`)).toMatch(/^x\n\ty[ -~\n]+$/);
  expect(onLines('\u001B[33mours\u001B[39m \u001B[2Jtheirs', { colors: true })).toBe('\u001B[33mours\u001B[39m theirs');
  expect(JSON.parse(inJson(JSON.stringify({ EVIL })))).toEqual({ EVIL });
  expect(inJson(JSON.stringify({ EVIL }))).toMatch(/^[ -~]+$/);
});

it('keeps them from lines of the log', () => {
  let written = '';
  loggerTo({ write: (line) => void (written += line) }, 'info').info({ note: EVIL, deep: { note: EVIL } }, EVIL);
  expect(written).toMatch(/^[ -~]+\n$/);
});

it.each(['n33dle-Zq81xKfW0pLm', 'n33dle/"x\\y+ z&é', '%n33dle%'])(
  'cuts what was sent out of what comes back: %s',
  (secret) => {
    const echoes = [secret, encodeURIComponent(secret), JSON.stringify(secret), `Authorization: Bearer ${secret}`];
    echoes.push(encodeURIComponent(encodeURIComponent(secret)), JSON.stringify(JSON.stringify(secret)));
    echoes.push(new URLSearchParams({ client_secret: secret }).toString());
    for (const echo of echoes)
      for (const status of [400, 401, 403, 404, 429, 500]) {
        const body = {
          statusCode: status,
          error: echo,
          errorCode: echo,
          message: `\u001B[2J${echo}`,
          error_description: echo,
        };
        const answer = { status, headers: new Headers(), text: JSON.stringify(body) };
        for (const error of [
          classifyAnswer(answer, { secrets: [secret] }),
          classifyTokenAnswer(answer, { secrets: [secret] }),
        ]) {
          const shown = `${error.message} ${JSON.stringify(error.context)}`;
          expect(shown).not.toContain('n33dle');
          expect(shown).not.toContain('\u001B');
        }
      }
  },
);
