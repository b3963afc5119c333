/** @file `rrpo-workbench init`: a new project, empty or with the sample clips in it. */
import path from 'node:path';
import { UserError } from '../platform/errors.ts';
import { modelFolder } from '../project/project.ts';
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
  // Looked at first: a mistyped model must not leave a project behind that the next attempt stumbles over.
  const modelDir = options.model === undefined ? null : modelFolder(options.model);
  let project = await client.project.create({ path: target, name: options.name ?? path.basename(target) });
  if (modelDir !== null) project = await client.project.setModel({ modelDir });
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
