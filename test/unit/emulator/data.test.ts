import { describe, expect, it } from 'vitest';

import { isLogId, logId, syntheticLogId, timeOfLogId } from '../../../src/emulator/log-id.js';
import { LogTimeline } from '../../../src/emulator/log-timeline.js';
import { resolveOptions, type EmulatorOptions } from '../../../src/emulator/options.js';
import { scramble, unscramble } from '../../../src/emulator/random.js';
import { Tenant } from '../../../src/emulator/tenant.js';
import { createTimeText } from '../../../src/emulator/time-text.js';
import { fromWire, objectText, selectMembers, splitMembers, toWire } from '../../../src/emulator/wire-text.js';

const EPOCH = Date.UTC(2026, 0, 1);

function tenantOf(options: EmulatorOptions = {}): Tenant {
  return new Tenant(resolveOptions({ epochMs: EPOCH, clock: () => EPOCH, ...options }));
}

function logTexts(tenant: Tenant): readonly string[] {
  return Array.from({ length: 200 }, (_, index) => tenant.logText(index));
}

function loginsOf(users: readonly { readonly logins: number }[]): number {
  return users.reduce((sum, user) => sum + user.logins, 0);
}

describe('log ids', () => {
  const time = createTimeText();

  it('hold the time and grow with the index within one microsecond', () => {
    const us = Date.UTC(2024, 1, 29, 23, 59, 59, 7) * 1000 + 42;
    const id = logId(us, 5, time);
    expect(id).toMatch(/^90020240229235959007042\d{33}$/);
    expect(isLogId(id)).toBe(true);
    expect(timeOfLogId(id)).toBe(Math.floor(us / 1000));
    expect(logId(us, 6, time) > id).toBe(true);
  });

  it('of any time are positions, others are none', () => {
    expect(syntheticLogId(Date.UTC(2026, 0, 1, 1, 2, 3, 4), time)).toBe(`90020260101010203004`.padEnd(56, '0'));
    expect(isLogId('900')).toBe(false);
    expect(isLogId('9'.repeat(56))).toBe(false);
  });
});

describe('LogTimeline', () => {
  const time = createTimeText();

  it('gives growing ids over all segments and leads from an id back to its index', () => {
    const timeline = new LogTimeline([{ kind: 'spread', count: 5000, startMs: EPOCH - 1, endMs: EPOCH }], time);
    timeline.append(300, 0, EPOCH);
    timeline.openLive(100, EPOCH);
    timeline.append(7, 60_000, EPOCH + 1050);
    timeline.advance(EPOCH + 2000);
    expect(timeline.count).toBe(5000 + 300 + 10 + 7 + 9);
    const ids = Array.from({ length: timeline.count }, (_, index) => timeline.id(index));
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(ids.length);
    for (const [index, id] of ids.entries()) {
      expect(timeline.indexOf(id)).toBe(index);
      expect(timeline.indexAfter(id)).toBe(index + 1);
    }
  });

  it('takes ids that no log has as positions between logs', () => {
    const timeline = new LogTimeline([{ kind: 'spread', count: 10, startMs: EPOCH, endMs: EPOCH + 10_000 }], time);
    expect(timeline.indexAfter(syntheticLogId(EPOCH - 1, time))).toBe(0);
    expect(timeline.indexAfter(syntheticLogId(EPOCH + 5000, time))).toBe(5);
    expect(timeline.indexAfter(syntheticLogId(EPOCH + 99_000, time))).toBe(10);
  });

  it('keeps what a live segment served when it is closed', () => {
    const timeline = new LogTimeline([], time);
    timeline.openLive(10, EPOCH);
    timeline.advance(EPOCH + 1000);
    const before = Array.from({ length: 100 }, (_, index) => timeline.id(index));
    timeline.closeLive(EPOCH + 1000);
    const again = new LogTimeline(timeline.segments, time);
    expect(again.count).toBe(100);
    expect(before.every((id, index) => again.id(index) === id)).toBe(true);
  });
});

describe('the tenant', () => {
  it('is the same for the same seed and another for another', () => {
    expect(logTexts(tenantOf())).toEqual(logTexts(tenantOf()));
    expect(logTexts(tenantOf())).not.toEqual(logTexts(tenantOf({ seed: 1 })));
  });

  it('writes logs as valid JSON with ids that match and dates shortly before them, up and down', () => {
    const tenant = tenantOf({ logs: 3000, logSpanMs: 60_000 });
    let falls = 0;
    let previous = 0;
    const types = new Set<string>();
    for (let index = 0; index < 3000; index++) {
      const log: {
        log_id: string;
        _id: string;
        date: string;
        type: string;
      } = JSON.parse(fromWire(tenant.logText(index)));
      expect(log.log_id).toBe(tenant.timeline.id(index));
      expect(log._id).toBe(log.log_id);
      const lag = timeOfLogId(log.log_id) - Date.parse(log.date);
      expect(lag).toBeGreaterThanOrEqual(9);
      expect(lag).toBeLessThanOrEqual(5400);
      if (Date.parse(log.date) < previous) falls++;
      previous = Date.parse(log.date);
      types.add(log.type);
    }
    expect(falls).toBeGreaterThan(100);
    expect(types).toContain('zz_future_type');
  });

  it('keeps texts in logs that a parse and a print would lose', () => {
    const tenant = tenantOf();
    const all = Array.from({ length: 2000 }, (_, index) => tenant.logText(index)).join('\n');
    for (const text of [
      '"confidence":1.10,',
      '"ratio":1.10,',
      String.raw`caf\u00e9 \/`,
      String.raw`https:\/\/`,
      '"scope":["openid"',
      '"scope":"openid',
      '"details":null',
    ]) {
      expect(all).toContain(text);
    }
    expect(all).toMatch(/"trace":\d{24}[,}]/);
    expect(fromWire(all)).toContain('déjà vu 🚀');
  });

  it('makes logs of about a kilobyte', () => {
    const tenant = tenantOf();
    let bytes = 0;
    for (let index = 0; index < 1000; index++) bytes += tenant.logText(index).length;
    expect(bytes / 1000).toBeGreaterThan(1000);
    expect(bytes / 1000).toBeLessThan(1450);
  });

  it('gives users unique ids that lead back to them, creation times in order and updates after creation', () => {
    const tenant = tenantOf({ users: 5000 });
    const ids = new Set<string>();
    let previous = 0;
    for (let index = 0; index < 5000; index++) {
      const user = tenant.users.facts(index);
      ids.add(user.userId);
      expect(tenant.users.indexOf(user.userId)).toBe(index);
      expect(user.createdMs).toBeGreaterThan(previous);
      expect(user.updatedMs).toBeGreaterThanOrEqual(user.createdMs);
      expect(user.updatedMs).toBeLessThanOrEqual(EPOCH);
      previous = user.createdMs;
      const members = tenant.userRecords.members(user, { identityTokens: true });
      const parsed: { user_id: string } = JSON.parse(fromWire(objectText(members)));
      expect(parsed.user_id).toBe(user.userId);
    }
    expect(ids.size).toBe(5000);
    expect(tenant.users.indexOf('auth0|000000000000000000000000')).toBeUndefined();
  });

  it('writes valid clients', () => {
    const tenant = tenantOf({ clients: 300 });
    const ids = new Set<string>();
    for (let index = 0; index < 300; index++) {
      const text = fromWire(objectText(tenant.clientRecords.members(index, 0)));
      const client: { client_id: string; client_secret: string } = JSON.parse(text);
      ids.add(client.client_id);
      expect(client.client_secret).toContain('s3cr3t');
    }
    expect(ids.size).toBe(300);
  });

  it('moves users by their live sign-ins', () => {
    const tenant = tenantOf({ liveIntervalMs: 1000, logs: 0, users: 50 });
    const before = Array.from({ length: 50 }, (_, index) => tenant.users.facts(index));
    tenant.advance(EPOCH + 200_000);
    expect(tenant.timeline.count).toBe(200);
    const after = before.map((_, index) => tenant.users.facts(index));
    expect(loginsOf(after) - loginsOf(before)).toBeGreaterThan(20);
    const moved = after.filter((user, index) => user.updatedMs !== before[index]?.updatedMs);
    expect(moved.length).toBeGreaterThan(1);
    expect(moved.every((user) => user.updatedMs === user.lastLoginMs && user.updatedMs > EPOCH - 6000)).toBe(true);
  });
});

describe('the pieces below', () => {
  it('scramble is one to one', () => {
    for (const index of [0, 1, 2, 12_345, 1_000_000, 0xffff_fffe, 0xffff_ffff])
      expect(unscramble(scramble(index))).toBe(index);
  });

  it('time texts are those of Date', () => {
    const time = createTimeText();
    for (const ms of [0, 951_782_399_999, 1_767_225_600_000, 4_102_444_799_001]) {
      const iso = new Date(ms).toISOString();
      expect(time.iso(ms)).toBe(iso);
      expect(time.digits(ms)).toBe(iso.replaceAll(/\D/g, '').slice(0, 14));
    }
  });

  it('members are cut without touching their texts', () => {
    const text = toWire('{"a":1.10,"b":{"x":[1,{"y":"},\\"]"}]},"c":"é,🚀","d":[],"e":null}');
    const members = splitMembers(text);
    expect(members.map(([key]) => key)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(objectText(members)).toBe(text);
    expect(objectText(selectMembers(members, { names: new Set(['a', 'e']), include: true }))).toBe(
      '{"a":1.10,"e":null}',
    );
    expect(objectText(selectMembers(members, { names: new Set(['b', 'c', 'd', 'e']), include: false }))).toBe(
      '{"a":1.10}',
    );
  });
});
