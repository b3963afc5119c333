/** @file The contract over a message port: one port for each page load, handed over after the sender is checked. */
import { ipcMain } from 'electron';
import { RPCHandler } from '@orpc/server/message-port';
import { createRouter } from '../services/router.ts';
import type { Workbench } from '../services/workbench.ts';
import { CHANNELS } from './channels.ts';
import { checkSender } from './security.ts';

export function setupRpc(workbench: Workbench): void {
  const handler = new RPCHandler(createRouter(workbench));
  ipcMain.on(CHANNELS.connect, (event) => {
    checkSender(event);
    const [port] = event.ports;
    if (!port) throw new Error('ipc: expected a message port, got none');
    handler.upgrade(port, { context: {} });
    port.start();
  });
}
