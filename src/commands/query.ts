import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { ClickHouseError } from '@clickhouse/client';
import { type CommonFlags, configOf, openOutput } from './context.js';
import { openDestination } from './destination.js';
import { CommandError, EXIT } from './failure.js';

export interface QueryFlags extends CommonFlags {
  format?: string;
}

/** Asks the destination, and prints its answer in one of ClickHouse's formats. */
export async function query(sql: string, flags: QueryFlags): Promise<number> {
  const output = openOutput(flags);
  const config = configOf(flags);
  const destination = await openDestination(config);
  const standard = process.stdout.isTTY ? 'PrettyCompact' : 'TabSeparatedWithNames';
  try {
    const answer = await destination.client.exec({
      query: sql,
      clickhouse_settings: { ...formatSetting(flags.json ? 'JSON' : (flags.format ?? standard)), wait_end_of_query: 1 },
    });
    if (output.json) {
      const body = await text(answer.stream);
      output.result(body.trim() === '' ? {} : JSON.parse(body));
    } else {
      await pipeline(answer.stream, process.stdout, { end: false });
    }
    return EXIT.done;
  } catch (error) {
    // The statement is the asker's own, so here the server's words may be shown whole.
    if (error instanceof ClickHouseError) throw new CommandError(`ClickHouse: ${shorten(error.message)}`);
    if (error instanceof Error) throw new CommandError(`ClickHouse at ${destination.url}: ${error.message}`);
    throw error;
  } finally {
    await destination.close();
  }
}

/** A syntax error lists everything that could have stood there, which hides where it went wrong. */
function shorten(message: string): string {
  const text = message.trim();
  const list = text.indexOf('Expected one of:');
  return list < 0 || text.length - list < 200 ? text : `${text.slice(0, list + 200)}…`;
}

/** `default_format` leaves a FORMAT clause in the statement in force. */
function formatSetting(format: string): Record<string, string> {
  return { default_format: format };
}
