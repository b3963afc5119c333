/**
 * @file Colours, type and density in one place: a palette for light and dark (every text/background pair at least
 * 4.5:1), written to CSS variables for our own components and to Naive UI's overrides for its own.
 */
import type { GlobalThemeOverrides } from 'naive-ui';

export type Mode = 'light' | 'dark';

const light = {
  page: '#f3f4f7',
  surface: '#ffffff',
  raised: '#ffffff',
  sunken: '#f7f8fa',
  rail: '#e9ebf0',
  hover: '#eef0f5',
  line: '#dde0e7',
  'line-strong': '#b9bfca',
  text: '#191d26',
  'text-2': '#474e5c',
  'text-3': '#5f6776',
  accent: '#3550c8',
  'accent-hover': '#2a43b1',
  'accent-press': '#223894',
  'accent-soft': '#e6eafb',
  'on-accent': '#ffffff',
  good: '#0f6b42',
  'good-soft': '#dff3e8',
  bad: '#b0243a',
  'bad-soft': '#fbe4e7',
  warn: '#855300',
  'warn-soft': '#fcefd3',
  shadow: '0 1px 2px rgb(20 26 40 / 6%), 0 4px 14px rgb(20 26 40 / 5%)',
  'p1-bg': '#d3e2ff',
  'p1-ink': '#163f8f',
  'p2-bg': '#ffe0b5',
  'p2-ink': '#7a4200',
  'p3-bg': '#cfeecf',
  'p3-ink': '#165a24',
  'p4-bg': '#f4d6f6',
  'p4-ink': '#741d7b',
  'p5-bg': '#c5eeec',
  'p5-ink': '#07585a',
  'p6-bg': '#ffd8d6',
  'p6-ink': '#931e27',
  'p7-bg': '#ebe2ae',
  'p7-ink': '#5a4a00',
  'p8-bg': '#ded9ff',
  'p8-ink': '#4330a0',
} as const;

const dark: Record<keyof typeof light, string> = {
  page: '#13151a',
  surface: '#1a1d24',
  raised: '#21252e',
  sunken: '#15181e',
  rail: '#0f1115',
  hover: '#262b35',
  line: '#2a2f39',
  'line-strong': '#464e5c',
  text: '#e8eaef',
  'text-2': '#b9bfca',
  'text-3': '#959dab',
  accent: '#93a6ff',
  'accent-hover': '#a9b8ff',
  'accent-press': '#7f94f5',
  'accent-soft': '#262e52',
  'on-accent': '#0d1230',
  good: '#63d29d',
  'good-soft': '#143325',
  bad: '#ff919b',
  'bad-soft': '#431b22',
  warn: '#f0bf62',
  'warn-soft': '#3a2c10',
  shadow: '0 1px 2px rgb(0 0 0 / 35%), 0 6px 18px rgb(0 0 0 / 28%)',
  'p1-bg': '#1e3d75',
  'p1-ink': '#b4ceff',
  'p2-bg': '#5b3908',
  'p2-ink': '#ffcf96',
  'p3-bg': '#1c4a25',
  'p3-ink': '#a3e6ad',
  'p4-bg': '#57225c',
  'p4-ink': '#f3b9f7',
  'p5-bg': '#0f4a4b',
  'p5-ink': '#8ee6e4',
  'p6-bg': '#66222b',
  'p6-ink': '#ffb9bb',
  'p7-bg': '#4b400b',
  'p7-ink': '#eddb83',
  'p8-bg': '#3a2f7e',
  'p8-ink': '#cbc2ff',
};

export const palette: Record<Mode, Record<keyof typeof light, string>> = { light, dark };

export const SANS =
  "'Inter Variable', system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', sans-serif";
const MONO = "'JetBrains Mono Variable', ui-monospace, 'SF Mono', Menlo, Consolas, monospace";

/** Number of phrase colours; phrase n and n + PHRASE_COLOURS share one, told apart by their number. */
const PHRASE_COLOURS = 8;

/** Which of the phrase colours (1-based) phrase `number` wears. */
export function phraseColour(number: number): number {
  return ((number - 1) % PHRASE_COLOURS) + 1;
}

/** Writes the palette to the document, where styles read it as `var(--text)` and so on. */
export function applyPalette(mode: Mode, root: HTMLElement): void {
  root.dataset.theme = mode;
  root.style.colorScheme = mode;
  for (const [name, value] of Object.entries(palette[mode])) root.style.setProperty(`--${name}`, value);
}

/** Naive UI in our palette and density. */
export function naiveOverrides(mode: Mode): GlobalThemeOverrides {
  const c = palette[mode];
  return {
    common: {
      fontFamily: SANS,
      fontFamilyMono: MONO,
      fontSize: '13px',
      fontSizeTiny: '12px',
      fontSizeSmall: '13px',
      fontSizeMedium: '13px',
      fontSizeLarge: '14px',
      fontWeightStrong: '600',
      heightTiny: '24px',
      heightSmall: '28px',
      heightMedium: '32px',
      heightLarge: '38px',
      borderRadius: '6px',
      borderRadiusSmall: '4px',
      primaryColor: c.accent,
      primaryColorHover: c['accent-hover'],
      primaryColorPressed: c['accent-press'],
      primaryColorSuppl: c.accent,
      infoColor: c.accent,
      infoColorHover: c['accent-hover'],
      infoColorPressed: c['accent-press'],
      successColor: c.good,
      successColorHover: c.good,
      successColorPressed: c.good,
      warningColor: c.warn,
      warningColorHover: c.warn,
      warningColorPressed: c.warn,
      errorColor: c.bad,
      errorColorHover: c.bad,
      errorColorPressed: c.bad,
      textColorBase: c.text,
      textColor1: c.text,
      textColor2: c.text,
      textColor3: c['text-3'],
      textColorDisabled: c['text-3'],
      placeholderColor: c['text-3'],
      iconColor: c['text-2'],
      dividerColor: c.line,
      borderColor: c['line-strong'],
      bodyColor: c.page,
      cardColor: c.surface,
      modalColor: c.raised,
      popoverColor: c.raised,
      tableColor: c.surface,
      inputColor: mode === 'dark' ? c.sunken : c.surface,
      hoverColor: c.hover,
      tableHeaderColor: c.sunken,
    },
    Button: {
      fontWeight: '500',
      textColorPrimary: c['on-accent'],
      textColorHoverPrimary: c['on-accent'],
      textColorPressedPrimary: c['on-accent'],
      textColorFocusPrimary: c['on-accent'],
      textColorDisabledPrimary: c['on-accent'],
    },
    Card: { paddingSmall: '12px 14px', paddingMedium: '16px', titleFontSizeSmall: '14px' },
    Tag: { heightSmall: '20px', fontSizeSmall: '12px' },
    Tooltip: { color: mode === 'light' ? '#22262f' : c.raised, textColor: '#eef0f4', padding: '6px 9px' },
    Form: { labelFontSizeTopMedium: '13px', labelTextColor: c['text-2'] },
    Input: { border: `1px solid ${c['line-strong']}` },
    Select: {
      peers: {
        InternalSelection: {
          border: `1px solid ${c['line-strong']}`,
          color: mode === 'dark' ? c.sunken : c.surface,
        },
      },
    },
    Radio: {
      buttonColor: c.surface,
      buttonColorActive: c['accent-soft'],
      buttonTextColor: c['text-2'],
      buttonTextColorActive: c.accent,
      buttonTextColorHover: c.text,
      buttonBorderColor: c['line-strong'],
      buttonBorderColorActive: c.accent,
    },
    Progress: { railColor: c.line },
    Switch: { railColorActive: c.accent },
    Drawer: { bodyPadding: '16px 18px' },
  };
}
