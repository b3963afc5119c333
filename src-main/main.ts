/**
 * @file Door 1: Electron. A table of contents: each concern is one file in `electron/`; everything the product does
 * is in the services, which `serve` shares. Nothing here decodes video or touches tensors.
 */
import { app, BrowserWindow } from 'electron';
import path from 'node:path';
import { setupDialogs } from './electron/dialogs.ts';
import { systemKeychain } from './electron/keychain.ts';
import { setupMenu } from './electron/menu.ts';
import { registerScheme, setupProtocol } from './electron/protocol.ts';
import { setupRpc } from './electron/rpc.ts';
import { setupSecurity } from './electron/security.ts';
import { createWindow } from './electron/window.ts';
import { logToFile, log } from './platform/log.ts';
import { Workbench } from './services/workbench.ts';

// Schemes must be declared before the app is ready.
registerScheme();

if (!app.requestSingleInstanceLock()) {
  app.quit();
} else {
  app.on('second-instance', () => {
    const [window] = BrowserWindow.getAllWindows();
    window?.restore();
    window?.focus();
  });
  app
    .whenReady()
    .then(onReady)
    .catch((error: unknown) => {
      log.error('start failed', error);
      app.exit(1);
    });
}

function onReady(): void {
  logToFile(path.join(app.getPath('logs'), 'workbench.log'));
  const workbench = new Workbench('electron', { keychain: systemKeychain() });
  setupSecurity();
  setupProtocol(workbench);
  setupDialogs();
  setupRpc(workbench);
  setupMenu();
  // The window comes last: whatever it asks for at its first breath is there.
  createWindow();
  app.on('activate', () => {
    if (BrowserWindow.getAllWindows().length === 0) createWindow();
  });
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit();
  });
  let disposed = false;
  app.on('before-quit', (event) => {
    if (disposed) return;
    event.preventDefault();
    void workbench
      .dispose()
      .catch((error: unknown) => log.error('closing failed', error))
      .finally(() => {
        disposed = true;
        app.quit();
      });
  });
}
