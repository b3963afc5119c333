/** @file Starts the window: schemas without eval, the line to the services, the rooms. */
import './client/jitless.ts';
import { createApp } from 'vue';
import App from './App.vue';
import { openConnection } from './client/connection.ts';
import { createWorkbench, workbenchKey } from './composables/useWorkbench.ts';
import { createRooms } from './router.ts';
import './styles.css';

const workbench = createWorkbench(openConnection());
createApp(App).provide(workbenchKey, workbench).use(createRooms()).mount('#app');
