/**
 * @file The main job, clicked through by a newcomer: play a clip of the sample project, edit a non-preferred answer, mark
 * the differing phrase, accept the pair, train with RRPO, watch the curves, stop and resume, and see the tuned model answer
 * held-out clips differently from the base. What is on the disk afterwards is read back without the workbench.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test, type App } from './fixtures.ts';
import { readProject } from './project-file.ts';

type PairRow = { id: string; status: string; rejected: string; phrases: string; version: number };

function readPairs(app: App, where: string): PairRow[] {
  const folder = path.join(app.home, 'sample-project');
  return readProject(folder, `SELECT id, status, rejected, phrases, version FROM pairs WHERE ${where}`);
}

/** Held-out questions that both the base model and the run were asked, and how many answers differ. */
function readAnswers(app: App, runId: string): { asked: number; changed: number } {
  return readProject<{ asked: number; changed: number }>(
    path.join(app.home, 'sample-project'),
    `SELECT count(*) AS asked, sum(base.answer <> tuned.answer) AS changed
     FROM evaluation_answers base JOIN evaluation_answers tuned ON tuned.sample_id = base.sample_id
     WHERE base.evaluation_id IN (SELECT id FROM evaluations WHERE run_id IS NULL)
       AND tuned.evaluation_id IN (SELECT id FROM evaluations WHERE run_id = ?)`,
    runId,
  )[0];
}

/** Reads a safetensors header: names and shapes. */
function tensorsOf(file: string): Record<string, { shape: number[] }> {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString('utf8')) as Record<
    string,
    { shape: number[] }
  >;
  delete header['__metadata__'];
  return header;
}

/** The sample project is open: by itself at the first start, later by one click. */
async function sampleIsOpen(app: App, firstStart: boolean): Promise<void> {
  if (!firstStart) await app.page.getByTestId('open-sample').click();
  await expect(app.page.getByTestId('project-menu')).toContainText('Sample project');
  // Opening ends in Review; whatever is clicked before is overtaken by that.
  await expect(app.page.getByTestId('pair-row').first()).toBeVisible();
}

test('from a clip and a wrong answer to a better model', async ({ app }) => {
  test.setTimeout(1_500_000);
  const { page } = app;

  await test.step('the sample project opens with clips, questions and pairs', async () => {
    await sampleIsOpen(app, true);
    await page.getByTestId('room-library').click();
    await expect(page.getByTestId('video-row').first()).toContainText('clip-');
  });

  await test.step('a clip plays, and steps by exactly one frame', async () => {
    await page.getByTestId('room-review').click();
    const frame = page.getByTestId('frame-number');
    const video = page.getByTestId('video-player');
    await expect.poll(() => video.evaluate((v: HTMLVideoElement) => v.readyState)).toBeGreaterThanOrEqual(2);
    await expect(frame).toHaveText('0');
    await page.keyboard.press('.');
    await expect(frame).toHaveText('1');
    await page.keyboard.press('Shift+ArrowRight');
    await expect(frame).toHaveText('11');
    await page.keyboard.press(',');
    await expect(frame).toHaveText('10');
    await page.keyboard.press('Space');
    await expect.poll(async () => Number(await frame.textContent())).toBeGreaterThan(12);
  });

  let edited = '';
  await test.step('a non-preferred answer is edited, its phrase marked, and saved as it is typed', async () => {
    await expect(page.getByTestId('editor-rejected')).toBeVisible();
    // Start from an unmarked pair: the machine's proposals are thrown away.
    const marks = page.getByTestId('remove-phrase');
    await expect(marks).not.toHaveCount(0);
    for (let left = (await marks.count()) - 1; left >= 0; left--) {
      await marks.first().click();
      await expect(marks).toHaveCount(left);
    }
    await page.getByTestId('editor-rejected').click();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('sideways');
    await expect(page.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
    edited = readPairs(app, "status = 'pending' AND rejected = 'sideways'")[0]?.id ?? '';
    expect(edited).not.toBe('');
    await page.getByTestId('editor-rejected').press('Alt+Enter');
    await expect(page.getByTestId('phrase-list')).toContainText('sideways');
    await expect(page.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
    await expect(page.getByTestId('token-strip').last()).toContainText('side');
  });

  await test.step('accept and go on; the marks are in the database', async () => {
    const before = await page.getByTestId('queue-accepted').textContent();
    await page.keyboard.press('Control+Enter');
    await expect(page.getByTestId('queue-accepted')).not.toHaveText(before ?? '');
    await expect(page.getByTestId('editor-rejected')).not.toContainText('sideways');
    const [row] = readPairs(app, `id = '${edited}'`);
    expect(row).toMatchObject({ status: 'accepted', rejected: 'sideways' });
    const phrases = JSON.parse(row.phrases) as {
      rejected: { quote: string; start: number; end: number };
      origin: string;
    }[];
    expect(phrases).toHaveLength(1);
    expect(phrases[0]).toMatchObject({ origin: 'person', rejected: { quote: 'sideways', start: 0, end: 8 } });
  });

  await test.step('what was typed survives a killed host', async () => {
    const editor = page.getByTestId('editor-rejected');
    await editor.click();
    await page.keyboard.press('Control+End');
    await page.keyboard.type(' indeed');
    await expect(page.getByTestId('save-state')).toHaveAttribute('data-state', 'saved');
    await app.killAndReopen();
    await sampleIsOpen(app, false);
    await app.page.getByTestId('room-review').click();
    await expect(app.page.getByTestId('editor-rejected')).toContainText('indeed');
    // And taking it back still works after the restart.
    const withIt = (): PairRow[] => readPairs(app, "rejected LIKE '%indeed%'");
    for (let [row] = withIt(); row; [row] = withIt()) {
      await app.page.getByRole('button', { name: 'Undo' }).click();
      await expect.poll(() => readPairs(app, `id = '${row.id}'`)[0].version).toBeGreaterThan(row.version);
    }
    await expect(app.page.getByTestId('editor-rejected')).not.toContainText('indeed');
  });

  let runDir = '';
  await test.step('RRPO trains, shows its curves, stops and resumes', async () => {
    const { page } = app;
    await page.getByTestId('room-train').click();
    await page.getByTestId('start-training').click();
    await expect(page.getByTestId('run-state')).toHaveAttribute('data-state', 'running', {
      timeout: 120_000,
    });
    await expect
      .poll(async () => Number((await page.getByTestId('run-step').textContent())?.match(/\d+/)?.[0]), {
        timeout: 120_000,
      })
      .toBeGreaterThan(2);
    await expect(page.getByTestId('chart-loss').locator('canvas')).toBeVisible();
    await page.getByTestId('stop-training').click();
    await page.getByTestId('stop-save').click();
    await expect(page.getByTestId('run-state')).toHaveAttribute('data-state', 'stopped', {
      timeout: 120_000,
    });
    const runs = path.join(app.home, 'sample-project', 'runs');
    runDir = path.join(runs, readdirSync(runs)[0]);
    expect(readdirSync(path.join(runDir, 'checkpoints')).length).toBeGreaterThan(0);
    await page.getByTestId('resume-training').click();
    await expect(page.getByTestId('run-state')).toHaveAttribute('data-state', 'done', { timeout: 600_000 });
  });

  await test.step('the run left a record, metrics under TRL names, and a PEFT adapter that is not zero', () => {
    const metrics = readFileSync(path.join(runDir, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, number>);
    const steps = metrics.map((row) => row['step']);
    expect(new Set(steps).size, 'each step once, also over the stop').toBe(steps.length);
    for (const name of [
      'loss',
      'rewards/chosen',
      'rewards/rejected',
      'rewards/margins',
      'rewards/accuracies',
      'logps/chosen',
    ])
      expect(metrics.at(-1), name).toHaveProperty([name]);
    const mean = (rows: Record<string, number>[]): number =>
      rows.reduce((sum, r) => sum + r['rewards/margins'], 0) / rows.length;
    expect(mean(metrics.slice(-5))).toBeGreaterThan(mean(metrics.slice(0, 5)));
    const record = JSON.parse(readFileSync(path.join(runDir, 'run.json'), 'utf8')) as {
      pairs: { id: string }[];
    };
    expect(record.pairs.map((p) => p.id)).toContain(edited);
    const adapter = path.join(runDir, 'adapter');
    const config = JSON.parse(readFileSync(path.join(adapter, 'adapter_config.json'), 'utf8')) as {
      peft_type: string;
      r: number;
    };
    expect(config.peft_type).toBe('LORA');
    const tensors = tensorsOf(path.join(adapter, 'adapter_model.safetensors'));
    expect(Object.keys(tensors).length).toBe(4 * 7 * 2);
    for (const [name, tensor] of Object.entries(tensors))
      expect(tensor.shape[name.includes('lora_A') ? 0 : 1], name).toBe(config.r);
  });

  await test.step('the tuned model answers held-out clips differently', async () => {
    const { page } = app;
    await page.getByTestId('room-compare').click();
    await page.getByTestId('evaluate').click();
    await expect(page.getByTestId('accuracy-tuned')).toContainText('%', { timeout: 600_000 });
    await expect(page.getByTestId('accuracy-base')).toContainText('%');
    await expect(page.getByTestId('compare-row').first()).toBeVisible();
    expect(await page.getByTestId('compare-row').count()).toBeGreaterThan(0);
    const { asked, changed } = readAnswers(app, path.basename(runDir));
    expect(asked).toBeGreaterThan(100);
    expect(changed, 'held-out questions that the tuned model answers differently').toBeGreaterThan(0);
  });

  await test.step('a bad answer of the tuned model becomes a candidate in one key, is taken back, and tells where it came from', async () => {
    const { page } = app;
    const before = readPairs(app, '1').length;
    await page.getByTestId('only-wrong').click();
    await expect(page.getByTestId('only-wrong')).toHaveAttribute('aria-pressed', 'true');
    await page.keyboard.press('n');
    await page.keyboard.press('c');
    await expect(page.getByTestId('open-candidate')).toBeVisible();
    await expect(page.getByText('held out, so it is never trained on')).toBeVisible();
    expect(readPairs(app, '1')).toHaveLength(before + 1);
    await page.keyboard.press('Control+z');
    await expect(page.getByTestId('make-negative')).toBeVisible();
    expect(readPairs(app, '1')).toHaveLength(before);
    await page.keyboard.press('c');
    await page.getByTestId('open-candidate').click();
    const lineage = page.getByTestId('lineage');
    const adapter = readFileSync(path.join(runDir, 'adapter', 'adapter_model.safetensors'));
    const hash = createHash('sha256').update(adapter).digest('hex');
    await expect(lineage).toContainText(hash.slice(0, 12));
    await expect(lineage).toContainText('Held-out clips');
    await expect(page.getByTestId('lint').first()).toHaveAttribute('data-code', 'heldout-leak');
    const [made] = readPairs(app, `json_extract(provenance, '$.adapterHash') = '${hash}'`);
    expect(made.status).toBe('pending');
    await page.screenshot({ path: test.info().outputPath('lineage.png') });
    await lineage.getByRole('link', { name: 'Held-out clips' }).click();
    await expect(page.getByTestId('open-candidate')).toBeVisible();
  });
});
