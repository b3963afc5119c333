/** @file The rooms and their addresses, in the order in which the data flows. */
import { GitCompareArrows, GraduationCap, Library, ScanSearch, WandSparkles } from '@lucide/vue';
import type { Component } from 'vue';
import { createRouter, createWebHashHistory, type Router } from 'vue-router';

export interface Room {
  readonly name: 'library' | 'negatives' | 'review' | 'train' | 'compare';
  readonly title: string;
  /** What happens here, in one line. */
  readonly purpose: string;
  readonly icon: Component;
}

export const ROOMS: readonly Room[] = [
  { name: 'library', title: 'Library', purpose: 'Clips, questions and preferred answers', icon: Library },
  {
    name: 'negatives',
    title: 'Negatives',
    purpose: 'Let the model answer wrongly about perturbed clips',
    icon: WandSparkles,
  },
  { name: 'review', title: 'Review', purpose: 'Edit, mark and decide each pair', icon: ScanSearch },
  { name: 'train', title: 'Train', purpose: 'Teach the model from the accepted pairs', icon: GraduationCap },
  {
    name: 'compare',
    title: 'Compare',
    purpose: 'What changed on clips held out from training',
    icon: GitCompareArrows,
  },
];

export function createRooms(): Router {
  return createRouter({
    history: createWebHashHistory(),
    routes: [
      { path: '/', name: 'welcome', component: () => import('./rooms/welcome/WelcomeRoom.vue') },
      { path: '/library', name: 'library', component: () => import('./rooms/library/LibraryRoom.vue') },
      {
        path: '/negatives',
        name: 'negatives',
        component: () => import('./rooms/negatives/NegativesRoom.vue'),
      },
      { path: '/review/:pairId?', name: 'review', component: () => import('./rooms/review/ReviewRoom.vue') },
      { path: '/train/:runId?', name: 'train', component: () => import('./rooms/train/TrainRoom.vue') },
      {
        path: '/compare/:runId?',
        name: 'compare',
        component: () => import('./rooms/compare/CompareRoom.vue'),
      },
      { path: '/settings', name: 'settings', component: () => import('./rooms/settings/SettingsRoom.vue') },
      { path: '/:rest(.*)*', redirect: '/' },
    ],
  });
}
