/**
 * @file What every room knows: the client, the line's state, the open project, the jobs, and the stream of events.
 * Made once in main.ts, handed down by provide/inject.
 */
import { useDebounceFn } from '@vueuse/core';
import {
  computed,
  inject,
  onScopeDispose,
  ref,
  shallowRef,
  type ComputedRef,
  type InjectionKey,
  type Ref,
  type ShallowRef,
  watch,
} from 'vue';
import type { AppEvent, Job, ProjectInfo } from '../../src-main/contract/schemas.ts';
import { createApi, type Api } from '../client/client.ts';
import type { Connection } from '../client/connection.ts';
import { sentence } from '../client/errors.ts';

type AppInfo = Awaited<ReturnType<Api['app']['info']>>;
type EventOf<T extends AppEvent['type']> = Extract<AppEvent, { type: T }>;

export interface Workbench {
  readonly api: Api;
  /** The line is up and what it tells has been read: calls go through and mean this project. */
  readonly connected: Readonly<Ref<boolean>>;
  /** Grows with every new line; watch it to read again what may have changed meanwhile. */
  readonly lineNumber: Readonly<Ref<number>>;
  /** True once project and jobs have been read for the first time. */
  readonly ready: Readonly<Ref<boolean>>;
  /** Why the first state could not be read; null while all is well. */
  readonly trouble: Readonly<Ref<string | null>>;
  readonly info: Readonly<ShallowRef<AppInfo | null>>;
  readonly project: ShallowRef<ProjectInfo | null>;
  readonly jobs: Readonly<ShallowRef<ReadonlyMap<string, Job>>>;
  readonly activeJobs: ComputedRef<Job[]>;
  /** Hears events of one type until the calling component goes. */
  on: <T extends AppEvent['type']>(type: T, listener: (event: EventOf<T>) => void) => void;
  /** Notes a job that a call has just returned, before its first event. */
  noteJob: (job: Job) => void;
}

const KEY: InjectionKey<Workbench> = Symbol('workbench');
export { KEY as workbenchKey };

export function useWorkbench(): Workbench {
  const workbench = inject(KEY);
  if (!workbench) throw new Error('internal: useWorkbench was called outside the workbench window');
  return workbench;
}

export function createWorkbench(connection: Connection): Workbench {
  const api = createApi(connection);
  const connected = ref(false);
  let lineUp = false;
  const lineNumber = ref(0);
  const ready = ref(false);
  const trouble = ref<string | null>(null);
  const info = shallowRef<AppInfo | null>(null);
  const project = shallowRef<ProjectInfo | null>(null);
  const jobs = shallowRef<ReadonlyMap<string, Job>>(new Map());
  /** Counts on the rail follow what happens behind the window, a moment later. */
  const recount = useDebounceFn(
    async () => {
      const current = await api.project.current().catch(() => null);
      if (current && current.id === project.value?.id) project.value = current;
    },
    400,
    { maxWait: 2000 },
  );
  const listeners = new Map<string, Set<(event: AppEvent) => void>>();

  const noteJob = (job: Job): void => {
    jobs.value = new Map(jobs.value).set(job.id, job);
  };
  // At once, so that no event of the other project's jobs is lost; what events tell meanwhile is newer than the list.
  watch(
    () => project.value?.id,
    async (id) => {
      jobs.value = new Map();
      const list = id === undefined ? [] : await api.jobs.list().catch(() => []);
      if (project.value?.id === id)
        jobs.value = new Map([...list.map((job): [string, Job] => [job.id, job]), ...jobs.value]);
    },
    { flush: 'sync' },
  );
  const dispatch = (event: AppEvent): void => {
    if (event.type === 'project') project.value = event.project;
    if (event.type === 'job') noteJob(event.job);
    if (['library', 'pair', 'run'].includes(event.type)) void recount();
    listeners.get(event.type)?.forEach((listener) => listener(event));
  };

  /** Subscribes first and reads state second, so that nothing falls between; ends when the line breaks. */
  async function follow(): Promise<void> {
    try {
      const events = await api.app.events();
      const [about, open] = await Promise.all([api.app.info(), api.project.current()]);
      // The host was started anew and has nothing open: go on with the project this window was working in.
      const before = project.value;
      const current = open ?? (before && (await api.project.open({ path: before.path }).catch(() => null)));
      const known = current ? await api.jobs.list() : [];
      // All at once: with a project the rooms can be entered, and where the window begins is decided when it is ready.
      info.value = about;
      project.value = current;
      jobs.value = new Map(known.map((job) => [job.id, job]));
      trouble.value = null;
      ready.value = true;
      connected.value = lineUp;
      lineNumber.value++;
      for await (const event of events) dispatch(event);
    } catch (error) {
      // A broken line is told by the banner; anything else has to be said.
      if (lineUp) trouble.value = sentence(error);
    }
  }

  connection.onChange((up) => {
    const before = lineUp;
    lineUp = up;
    if (!up) connected.value = false;
    else if (!before) void follow();
  });

  return {
    api,
    connected,
    lineNumber,
    ready,
    trouble,
    info,
    project,
    jobs,
    activeJobs: computed(() =>
      [...jobs.value.values()].filter((job) => job.state === 'running' || job.state === 'queued'),
    ),
    on(type, listener) {
      const set = listeners.get(type) ?? new Set();
      listeners.set(type, set);
      const entry = listener as (event: AppEvent) => void;
      set.add(entry);
      onScopeDispose(() => set.delete(entry));
    },
    noteJob,
  };
}
