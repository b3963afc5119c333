/** @file `rrpo-workbench init`: a new project, empty or with the sample clips in it. */
import path from 'node:path';
import { UserError } from '../platform/errors.ts';
import type { CommonOptions, Session } from './session.ts';
import { addSample } from '../services/sample-project.ts';

export type InitOptions = CommonOptions & { name?: string; model?: string; sample?: boolean };

export async function initCommand(session: Session, [folder]: string[], options: InitOptions): Promise<void> {
  const { client, output, workbench } = session;
  if (options.sample === true && options.model !== undefined)
    throw new UserError(
      'BAD_INPUT',
      'init: expected --sample or --model, got both',
      'The sample comes with its own model.',
    );
  const target = path.resolve(folder);
  let project = await client.project.create({ path: target, name: options.name ?? path.basename(target) });
  if (options.model !== undefined)
    project = await client.project.setModel({ modelDir: path.resolve(options.model) });
  if (options.sample === true) {
    await addSample(workbench);
    await workbench.jobs.idle();
    project = (await client.project.current()) ?? project;
  }
  const { videos, samples } = project.counts;
  output.result(
    project,
    `Project ${project.name} in ${project.path}: ${videos} videos, ${samples} samples, model ${project.modelDir ?? 'not chosen'}`,
  );
}
