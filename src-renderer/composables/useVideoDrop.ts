/**
 * @file Files dropped anywhere in the window: clips are added, tables of answers open the import. A browser tells no paths: there the files
 * are offered to be copied into the project.
 */
import { useEventListener } from '@vueuse/core';
import { useMessage } from 'naive-ui';
import { ref, type Ref } from 'vue';
import { useRouter } from 'vue-router';
import { bridge } from '../client/bridge.ts';
import { useAddVideos } from './useAddVideos.ts';
import { isTable, useUploads } from './useUploads.ts';
import { useWorkbench } from './useWorkbench.ts';

export function useVideoDrop(): { dragging: Readonly<Ref<boolean>> } {
  const { project } = useWorkbench();
  const { add } = useAddVideos();
  const { offer } = useUploads();
  const router = useRouter();
  const message = useMessage();
  const dragging = ref(false);
  let depth = 0;

  const carriesFiles = (event: DragEvent): boolean =>
    project.value !== null && (event.dataTransfer?.types.includes('Files') ?? false);

  useEventListener(window, 'dragenter', (event) => {
    if (!carriesFiles(event)) return;
    depth++;
    dragging.value = true;
  });
  useEventListener(window, 'dragleave', () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) dragging.value = false;
  });
  useEventListener(window, 'dragover', (event) => event.preventDefault());
  useEventListener(window, 'drop', (event) => {
    event.preventDefault();
    depth = 0;
    dragging.value = false;
    if (!project.value) return void message.info('Open a project first; then clips can be dropped into it.');
    const native = bridge();
    if (!native) {
      const items = [...(event.dataTransfer?.items ?? [])].filter(({ kind }) => kind === 'file');
      const folders = items.filter((item) => item.webkitGetAsEntry()?.isDirectory);
      if (folders.length > 0) message.info('A browser cannot hand over a folder: use “Add folder…” for it.');
      const dropped = items.filter((item) => !folders.includes(item)).map((item) => item.getAsFile());
      offer(dropped.filter((file) => file !== null));
      return;
    }
    const files = [...(event.dataTransfer?.files ?? [])];
    const paths = files.map((file) => native.pathForFile(file)).filter((path) => path !== '');
    const tables = paths.filter(isTable);
    const others = paths.filter((path) => !isTable(path));
    if (others.length) void add(others);
    if (tables[0]) void router.push({ name: 'library', query: { import: tables[0] } });
  });
  return { dragging };
}
