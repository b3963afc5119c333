/**
 * @file An endpoint is set up in Settings, tested, judges open-ended answers, and rewrites one: a real server on loopback, a real browser. With RRPO_SHOTS
 * set to a folder, pictures of each look are left there.
 */
import path from 'node:path';
import { expect, test } from '@playwright/test';
import { startFake, type Asked, type FakeServer } from '../src-main/endpoint/testing.ts';
import { SampleLibrary } from '../src-main/library/samples.ts';
import { addAttempt } from '../src-main/negatives/attempts.ts';
import { PairService } from '../src-main/pairs/pairs.ts';
import { openClipProject, type ClipProject } from './clip-project.ts';
import { shoot } from './fixtures.ts';

test.setTimeout(240_000);

const KEY = 'sk-e2e-0123456789-abcd';
const ANSWERS = ['A square moves to the left.', 'A circle moves up.', 'The square jumps over the line.'];
let project: ClipProject;
let endpoint: FakeServer;

/** What a good model says: right for whatever names the square and the left; and the preferred answer, rewritten. */
function reply({ body }: Asked): string {
  if (body.messages.length === 1) return 'ready';
  if (body.messages.length === 4) return 'A small circle goes up.';
  if (!body.messages[0].content.includes('"check"'))
    return '- the square is a circle\n- it goes up instead of to the left';
  const { answer } = JSON.parse(body.messages[1].content) as { answer: string };
  const [, check] = /"check": "([0-9a-f]{8})"/.exec(body.messages[0].content)!;
  const right = answer.includes('square') && answer.includes('left');
  return JSON.stringify({
    check,
    verdict: right ? 'right' : 'wrong',
    reason: right ? 'The same square, the same way.' : 'Another thing happens than in the reference.',
  });
}

test.beforeAll(async () => {
  test.skip(test.info().project.name !== 'serve', 'the server runs in the test process');
  endpoint = await startFake((asked) => reply(asked));
  project = await openClipProject((_) =>
    Promise.resolve([path.join(import.meta.dirname, 'clips', 'late.mp4')]),
  );
  const open = project.workbench.requireProject();
  const [videoId] = project.videos.values();
  const pairs = new PairService(open);
  ANSWERS.forEach((answer, k) => {
    const { id: sampleId } = new SampleLibrary(open).add({
      videoId,
      question: `What happens in part ${k + 1}?`,
      type: 'open_ended',
      chosen: 'A small square goes to the left.',
      source: 'test',
    });
    const provenance = { kind: 'generated', original: answer, createdAt: 0 } as const;
    const pairId = pairs.addCandidate({ sampleId, rejected: answer, provenance }).id;
    const reason = 'likeness 0.60, lacks "small"';
    addAttempt(open.db, `c${k}`, {
      sampleId,
      answer,
      verdict: 'wrong',
      reason,
      provenance,
      pairId,
      recipe: 'default',
      made: true,
    });
  });
});
test.afterAll(async () => {
  await project?.close();
  await endpoint?.close();
});

test('an endpoint is set up, tested and judges; the key does not come back', async ({ page }) => {
  const failures: string[] = [];
  page.on('pageerror', (error) => failures.push(error.message));
  await page.goto(project.url);
  await page.getByTestId('room-negatives').click();
  await page.getByTestId('view-answers').click();
  await expect(page.getByTestId('judge-again')).toBeDisabled();
  await expect(page.getByTestId('judge-words')).toContainText('Enter the address of an endpoint in Settings');

  await page.getByTestId('room-settings').click();
  const section = page.getByTestId('endpoint');
  await section.scrollIntoViewIfNeeded();
  await expect(page.getByTestId('endpoint-test')).toBeDisabled();
  await page.getByTestId('endpoint-url').locator('input').fill(endpoint.url);
  await page.getByTestId('endpoint-model').locator('input').fill('judge-1');
  await section.getByLabel('$ for a million tokens in').fill('0.15');
  await section.getByLabel('$ for a million tokens out').fill('0.6');
  await page.getByTestId('endpoint-save').click();
  await expect(section).toContainText('switch it on');
  await page.getByTestId('endpoint-key').locator('input').fill(KEY);
  await page.getByTestId('endpoint-set-key').click();
  await expect(page.getByTestId('endpoint-key-state')).toContainText('ends in abcd');
  await expect(page.getByTestId('endpoint-key').locator('input')).toHaveValue('');
  expect(endpoint.asked).toHaveLength(0);
  await page.getByTestId('endpoint-on').click();
  await expect(section).toContainText('Ready');
  await page.getByTestId('endpoint-test').click();
  await expect(page.getByTestId('endpoint-tested')).toContainText('judge-1 @ 127.0.0.1');
  await expect(page.getByTestId('endpoint-tested')).toContainText('answered “ready”');
  await expect(page.getByTestId('endpoint-usage')).toContainText('1 request · 100 + 10 tokens · $0.0000');
  expect(endpoint.asked[0].authorization).toBe(`Bearer ${KEY}`);
  expect(await page.content()).not.toContain(KEY);
  await section.scrollIntoViewIfNeeded();
  await shoot(page, 'settings-endpoint');

  await page.getByTestId('room-negatives').click();
  // A generation can have it judge right afterwards.
  const after = page.getByRole('checkbox', { name: 'Then judge-1 judges open answers' });
  await expect(after).not.toBeChecked();
  await after.click();
  await expect(after).toBeChecked();
  await page.getByTestId('view-answers').click();
  await expect(page.getByTestId('judge-again')).toContainText('3 open answers');
  await page.getByTestId('judge-again').click();
  await expect(page.getByText('go to judge-1 @')).toBeVisible();
  await shoot(page, 'negatives-judge-ask');
  await page.getByTestId('judge-confirm').click();
  await expect(page.getByTestId('judge-words')).toContainText('Every open-ended answer');
  await expect(page.getByTestId('judge-outcome')).toContainText(
    '3 answers judged, 1 verdict changed, $0.0001',
  );
  const row = page.getByTestId('answer-row').filter({ hasText: ANSWERS[0] });
  await expect(row).toContainText('The same square, the same way.');
  await expect(row.getByText('Right').first()).toBeVisible();
  await expect(page.getByTestId('answer-row').filter({ hasText: ANSWERS[1] })).toContainText(
    'Another thing happens',
  );
  expect(endpoint.asked).toHaveLength(4);
  await row.getByTestId('rule-right').click();
  await expect(page.getByTestId('precision')).toContainText('Those of judge-1');
  await shoot(page, 'negatives-judged');
  expect(failures).toEqual([]);
});

test('a pair is rewritten in two turns from Review, and undone', async ({ page }) => {
  await page.goto(project.url);
  await page.getByTestId('room-review').click();
  const row = page.getByTestId('pair-row').filter({ hasText: 'What happens in part 2?' });
  await row.click();
  await row.click({ modifiers: ['Control'] });
  await page.getByTestId('bulk-rewrite').click();
  await expect(page.getByTestId('rewrite-count')).toContainText('1 pair: pending');
  await expect(page.getByText('In two turns by judge-1 @')).toBeVisible();
  await shoot(page, 'review-rewrite');
  await page.getByTestId('rewrite-start').click();
  await expect(page.getByText('1 answer rewritten.')).toBeVisible();
  await row.click();
  await expect(page.getByTestId('editor-rejected')).toHaveText(/^A small \d?circle goes \d?up\.$/);
  await expect(page.getByTestId('lineage')).toContainText('rewritten since');
  await page.getByTestId('lineage').locator('summary').click();
  await expect(page.getByTestId('lineage')).toContainText('the square is a circle');
  await expect(page.getByTestId('lineage')).toContainText(ANSWERS[1]);
  await shoot(page, 'review-rewritten');
  await page.getByTestId('editor-rejected').click();
  await page.keyboard.press('Control+z');
  // The numbers of the marks stand between the words.
  await expect(page.getByTestId('editor-rejected')).toHaveText(/^\d?A \d?circle moves \d?up\.$/);
});
