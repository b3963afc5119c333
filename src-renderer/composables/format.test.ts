/** @file Formats: boundaries between units and rounding that must not show "60 s" or "1000 kB". */
import { describe, expect, it } from 'vitest';
import {
  ago,
  bytes,
  clock,
  count,
  duration,
  metric,
  percent,
  plural,
  shortCount,
  timeLeft,
} from './format.ts';

describe('format', () => {
  it('durations', () => {
    expect([0.2, 1, 59.6, 200, 3600, 7500].map(duration)).toEqual([
      'less than a second',
      '1 s',
      '1 min',
      '3 min 20 s',
      '1 h',
      '2 h 5 min',
    ]);
    expect(duration(null)).toBe('unknown');
    expect([45, null].map(timeLeft)).toEqual(['45 s left', '']);
  });
  it('clock times', () => {
    expect([0, 1.001, 61.0005, 3661.5].map(clock)).toEqual([
      '0:00.000',
      '0:01.001',
      '1:01.001',
      '1:01:01.500',
    ]);
  });
  it('sizes and counts', () => {
    expect([0, 999, 1000, 999_600, 1_420_000_000].map(bytes)).toEqual([
      '0 B',
      '999 B',
      '1 kB',
      '1 MB',
      '1.42 GB',
    ]);
    expect([9999, 10_000, 123_456].map(shortCount)).toEqual(['9,999', '10K', '123K']);
    expect([count(1234567), plural(1, 'pair'), plural(3, 'reply', 'replies')]).toEqual([
      '1,234,567',
      '1 pair',
      '3 replies',
    ]);
  });
  it('metrics and percentages', () => {
    expect([0, 0.69314718, 5e-6, null, Number.NaN, 123456].map(metric)).toEqual([
      '0',
      '0.6931',
      '5.00e-6',
      '–',
      '–',
      '1.23e+5',
    ]);
    expect(percent(0.7142)).toBe('71.4 %');
  });
  it('ages', () => {
    expect(ago(0, 10_000)).toBe('just now');
    expect(ago(0, 300_000)).toBe('5 min ago');
    expect(ago(0, 7_200_000)).toBe('2 h ago');
  });
});
