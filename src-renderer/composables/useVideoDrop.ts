/** @file Files dropped anywhere in the window: clips are added, tables of answers open the import. */
import { useEventListener } from '@vueuse/core';
import { useMessage } from 'naive-ui';
import { ref, type Ref } from 'vue';
import { useRouter } from 'vue-router';
import { bridge } from '../client/bridge.ts';
import { useAddVideos } from './useAddVideos.ts';
import { extensionOf, SAMPLE_FILES } from './usePaths.ts';
import { useWorkbench } from './useWorkbench.ts';

export function useVideoDrop(): { dragging: Readonly<Ref<boolean>> } {
  const { project } = useWorkbench();
  const { add, choose } = useAddVideos();
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
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0) return;
    const native = bridge();
    if (!native) {
      void choose(
        'A browser does not tell a page where a dropped file lies, and clips are used where they are, without copying. ' +
          'Please show the file here once more.',
      );
      return;
    }
    const paths = files.map((file) => native.pathForFile(file)).filter((path) => path !== '');
    const tables = paths.filter((path) => SAMPLE_FILES.extensions.includes(extensionOf(path)));
    const others = paths.filter((path) => !tables.includes(path));
    if (others.length) void add(others);
    if (tables[0]) void router.push({ name: 'library', query: { import: tables[0] } });
  });
  return { dragging };
}
