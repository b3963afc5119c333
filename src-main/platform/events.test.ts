/** @file The event hub: every listener hears each event in order, and leaves without a trace. */
import { describe, expect, it } from 'vitest';
import { EventHub } from './events.ts';

describe('EventHub', () => {
  it('delivers everything sent after the subscription, in order, to each listener', async () => {
    const hub = new EventHub<number>();
    hub.emit(0);
    const stop = new AbortController();
    const a = hub.subscribe(stop.signal);
    const b = hub.subscribe(stop.signal);
    hub.emit(1);
    hub.emit(2);
    stop.abort();
    const all = async (it: AsyncIterable<number>): Promise<number[]> => {
      const seen = [];
      for await (const x of it) seen.push(x);
      return seen;
    };
    expect(await all(a)).toEqual([1, 2]);
    expect(await all(b)).toEqual([1, 2]);
    expect(hub.size).toBe(0);
  });

  it('wakes a waiting listener and forgets it when it leaves the loop', async () => {
    const hub = new EventHub<string>();
    const events = hub.subscribe();
    const first = events.next();
    hub.emit('x');
    expect((await first).value).toBe('x');
    await events.return(undefined);
    expect(hub.size).toBe(0);
  });

  it('ends a listener that fell behind with an error rather than with a gap', async () => {
    const hub = new EventHub<number>();
    const events = hub.subscribe(undefined, 2);
    for (let i = 0; i < 3; i++) hub.emit(i);
    expect((await events.next()).value).toBe(0);
    expect((await events.next()).value).toBe(1);
    await expect(events.next()).rejects.toThrow(/fell more than 2 events behind/);
  });
});
