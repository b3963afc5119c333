/** @file The command line: its commands, options and help. Each command is a function in its own file. */
import { Command, CommanderError, Option } from 'commander';
import { PRESETS } from '../align/config.ts';
import { ImportField, ImportFormat, Objective, PairStatus, QuestionType } from '../contract/schemas.ts';
import { RECIPES } from '../negatives/recipes.ts';
import { appVersion } from '../platform/version.ts';
import { fieldColumn, nonNegative, setting, wholeNumber } from './options.ts';
import { EXIT } from './exit-codes.ts';
import type { CommonOptions, Session } from './session.ts';

const CODES = `
Exit codes: ${EXIT.ok} done, ${EXIT.failure} failed, ${EXIT.badInput} wrong usage or input, ${EXIT.cancelled} stopped (Ctrl-C; what is done is kept).`;

/** What a command does; a number is its exit code. */
type Work<O> = (session: Session, positional: string[], options: O) => Promise<number | void>;

/** Runs the command line with the arguments after the program's name, and returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = buildProgram((code) => (exitCode = code));
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has written its message; asking for help or the version is not a mistake.
    return error.exitCode === 0 ? EXIT.ok : EXIT.badInput;
  }
  return exitCode;
}

/** Declares a command: usage, description, and what loads its work when it is called. */
type Define = <O extends CommonOptions>(
  usage: string,
  description: string,
  load: () => Promise<Work<O>>,
) => Command;

const RECIPE_IDS = RECIPES.map((r) => r.id).join(', ');

/** All commands with their options; `onExit` gets the exit code of the one that ran. */
export function buildProgram(onExit: (code: number) => void): Command {
  const program = new Command('rrpo-workbench')
    .description('Makes a video-language model better by teaching it from its own mistakes (RRPO).')
    .version(appVersion)
    .exitOverride()
    .showHelpAfterError('(add --help for what this command takes)');

  /** A command with `--json`. What it does is loaded when it is called: help and mistakes answer at once. */
  const define: Define = <O extends CommonOptions>(
    usage: string,
    description: string,
    load: () => Promise<Work<O>>,
  ) =>
    program
      .command(usage)
      .description(description)
      .option('--json', 'print the result as one JSON document on stdout')
      .addHelpText('after', CODES)
      .action(async (...given: unknown[]) => {
        const command = given.at(-1) as Command;
        const options: O = command.opts();
        const positional = command.processedArgs.flat().filter((a): a is string => typeof a === 'string');
        const [{ runCommand }, work] = await Promise.all([import('./session.ts'), load()]);
        onExit(await runCommand(options, (session) => work(session, positional, options)));
      });

  projectCommands(define);
  negativeCommands(define);
  pairCommands(define);
  modelCommands(define);
  machineCommands(define);
  return program;
}

/** A project and what goes into it. */
function projectCommands(define: Define): void {
  define('init <folder>', 'make a new project', async () => (await import('./command-init.ts')).initCommand)
    .option('--name <name>', "name of the project (default: the folder's name)")
    .option('--model <folder>', 'checkpoint folder in Hugging Face layout')
    .option('--sample', 'with the sample clips, questions and model in it');

  define(
    'import <project> <paths...>',
    'add videos, folders of videos, or files of samples',
    async () => (await import('./command-import.ts')).importCommand,
  )
    .addOption(
      new Option('--format <format>', 'format of sample files (default: recognised)').choices(
        ImportFormat.options,
      ),
    )
    .option('--video-root <folder>', 'folder that video paths in sample files are relative to')
    .option(
      '--map <field=column>',
      `read a field from this column or key of sample files; repeatable (fields: ${ImportField.options.join(', ')})`,
      fieldColumn,
    )
    .option('--copy', 'copy the videos into the project instead of using them from where they are')
    .option('--find-missing', 'only look for the files of missing videos in these folders, by content')
    .option('--start-over', 'read a file from its beginning, also where an import of it was stopped');
}

/** Non-preferred answers: made by the model, swapped in, judged, rewritten, made again. */
function negativeCommands(define: Define): void {
  define(
    'generate <project>',
    'ask the model about perturbed clips; wrong answers become pending pairs',
    async () => (await import('./command-generate.ts')).generateCommand,
  )
    .option('--recipe <recipe>', `${RECIPE_IDS}, the name of a saved one, or a JSON file of steps`, 'default')
    .option('--seed <n>', 'seed of the perturbation and the sampling', wholeNumber(0), 0)
    .option('--temperature <t>', '0 is greedy', nonNegative, 0)
    .option('--max-new-tokens <n>', 'longest answer', wholeNumber(1), 64)
    .option(
      '--tries <n>',
      'most answers a question, until one is wrong; later ones are sampled',
      wholeNumber(1),
      1,
    )
    .addOption(new Option('--type <type>', 'only questions of this type').choices(QuestionType.options))
    .option(
      '--adapter <run>',
      'with the adapter of this run, or of this PEFT folder (default: the base model)',
    )
    .option(
      '--prompt <text>',
      'suggest a concept that often appears with what the answer names: a text with {question} and {concept} (recipe suggest has one)',
    )
    .option(
      '--judge',
      'then have the endpoint judge the open-ended answers (see endpoint; costs what it asks)',
    )
    .option('--accept', 'accept the new pairs with their proposed phrases, without review');

  define(
    'swap <project>',
    'swap concepts of preferred answers for ones that often appear with the rest; each becomes a pending pair',
    async () => (await import('./command-swap.ts')).swapCommand,
  )
    .option('--per-sample <n>', 'most pairs a sample, each of another concept', wholeNumber(1), 1)
    .addOption(new Option('--type <type>', 'only questions of this type').choices(QuestionType.options));

  define(
    'judge <project>',
    'judge open-ended answers once more, through the endpoint',
    async () => (await import('./command-judge.ts')).judgeCommand,
  ).option('--dry-run', 'only say how many, and about what it would cost');

  define(
    'rewrite <project>',
    "rewrite preferred answers with the model's mistakes, for pending pairs of open answers",
    async () => (await import('./command-rewrite.ts')).rewriteCommand,
  )
    .addOption(
      new Option('--by <who>', 'two turns through the endpoint, or the rules here, which send nothing')
        .choices(['endpoint', 'local'])
        .default('endpoint'),
    )
    .option('--dry-run', 'only say how many, and about what it would cost');

  define(
    'endpoint',
    'show or change the language model elsewhere (off by default), for all projects',
    async () => (await import('./command-endpoint.ts')).endpointCommand,
  )
    .option('--url <address>', 'base address of an OpenAI-compatible server')
    .option('--model <name>', 'model to ask there')
    .option('--on', 'switch it on: what is judged or rewritten is sent there from now on')
    .option('--off', 'switch it off: nothing is sent')
    .option('--price-in <dollars>', 'for a million tokens sent', nonNegative)
    .option('--price-out <dollars>', 'for a million tokens received', nonNegative)
    .option('--spend-limit <dollars>', 'most to spend in all', nonNegative)
    .option('--requests-per-minute <n>', 'most requests a minute', wholeNumber(1))
    .option('--allow-plain-http', 'allow http to another machine; others on the way can read it')
    .option('--key-from-stdin', 'store the key that comes over stdin')
    .option('--forget-key', 'forget the stored key')
    .option('--test', 'send one tiny request and say what came');

  define(
    'reproduce <project>',
    "make a model's answer, base or tuned, again from its pair's provenance; exit code 0 when it is the same text",
    async () => (await import('./command-reproduce.ts')).reproduceCommand,
  ).requiredOption('--pair <id>', 'the pair');
}

/** What goes out, and how far reviewers agree. */
function pairCommands(define: Define): void {
  define(
    'export <project> <path>',
    "write pairs to a file, or a run's adapter or whole model to a folder",
    async () => (await import('./command-export.ts')).exportCommand,
  )
    .addOption(
      new Option('--format <format>', 'format of the pairs')
        .choices(ImportFormat.options)
        .default('rrpo-json'),
    )
    .addOption(
      new Option('--status <status>', 'only pairs of this status; all: also questions without a pair')
        .choices([...PairStatus.options, 'all'])
        .default('accepted'),
    )
    .option('--adapter <run>', 'export the PEFT adapter of this run instead of pairs')
    .addOption(
      new Option('--merged <run>', "export this run's model with the adapter merged in").conflicts('adapter'),
    );

  define(
    'agreement <project>',
    'how far reviewers agree on decisions and marks',
    async () => (await import('./command-agreement.ts')).agreementCommand,
  ).option('--out <file>', 'write every pair that two have decided to this .csv or .json file');
}

/** Training, and what models answer. */
function modelCommands(define: Define): void {
  define(
    'train <project>',
    'train an adapter on the accepted pairs',
    async () => (await import('./command-train.ts')).trainCommand,
  )
    .option('--name <name>', 'name of the run (default: the objective)')
    .addOption(new Option('--objective <objective>', "overrides the preset's").choices(Objective.options))
    .addOption(
      new Option('--preset <preset>', 'starting point').choices(PRESETS.map((p) => p.id)).default('sample'),
    )
    .option(
      '--set <name=value>',
      'change one setting of the preset; repeatable (beta=0.3, epochs=2, ...)',
      setting,
      {},
    )
    .option('--resume <run>', 'go on with a stopped run instead of starting one')
    .option('--estimate', 'only measure one step: time and memory');

  define(
    'eval <project>',
    'answer the held-out questions and score them',
    async () => (await import('./command-eval.ts')).evaluateCommand,
  )
    .option('--run <run...>', 'runs to evaluate against the base model')
    .option('--no-base', 'do not evaluate the base model');

  define(
    'generate-answers <project>',
    'answer questions and write one JSON line each',
    async () => (await import('./command-generate-answers.ts')).generateAnswersCommand,
  )
    .option('--run <run>', 'with the adapter of this run (default: the base model)')
    .addOption(
      new Option('--split <split>', 'which samples').choices(['train', 'heldout', 'all']).default('heldout'),
    )
    .option(
      '--recipe <recipe>',
      `on perturbed clips: ${RECIPE_IDS}, the name of a saved one, or a JSON file of steps (default: clean clips)`,
    )
    .option('--seed <n>', 'seed of the perturbation', wholeNumber(0), 0)
    .option('--temperature <t>', '0 is greedy', nonNegative, 0)
    .option('--max-new-tokens <n>', 'longest answer', wholeNumber(1), 64)
    .requiredOption('--out <file>', 'JSON lines file to write');
}

/** This machine, the workbench in a browser, and the whole job at once. */
function machineCommands(define: Define): void {
  define(
    'devices',
    'what models can run on here, and why or why not',
    async () => (await import('./command-devices.ts')).devicesCommand,
  );

  define(
    'serve [project]',
    'open the workbench in a browser, on this machine only',
    async () => (await import('./command-serve.ts')).serveCommand,
  )
    .option(
      '--port <n>',
      'TCP port on 127.0.0.1, 0 for any (default: the same each time, or any while another program has it)',
      wholeNumber(0),
    )
    .option('--open', "open the system's browser");

  define(
    'demo',
    'the whole job on the sample project, without a window, with a table at the end',
    async () => (await import('./demo.ts')).demoCommand,
  )
    .option('--keep <folder>', "keep the demo's project in this folder (default: a temporary one, deleted)")
    .option('--epochs <n>', 'epochs of both trainings', wholeNumber(1))
    .option('--limit <n>', 'most held-out questions to evaluate, for a quick look', wholeNumber(1));
}
