// GraphiQL's two editor themes, redefined in the colours of graphiql.css. GraphiQL does not export the originals.

function theme(base, { accent, ground, argument }) {
  const faint = `${accent}22`;
  const accented = [
    'textLink.foreground',
    'textLink.activeForeground',
    'editorLink.activeForeground',
    'list.highlightForeground',
    'list.focusHighlightForeground',
    'pickerGroup.foreground',
    'focusBorder',
    'editorWidget.resizeBorder',
  ];
  const grounded = [
    'editorHoverWidget.background',
    'editorSuggestWidget.background',
    'editorWidget.background',
    'menu.background',
    'quickInput.background',
  ];
  const faintly = [
    'editorSuggestWidget.selectedBackground',
    'inputOption.hoverBackground',
    'list.hoverBackground',
    'menu.selectionBackground',
    'quickInputList.focusBackground',
    'toolbar.hoverBackground',
  ];
  return {
    base,
    inherit: true,
    rules: [{ token: 'argument.identifier.gql', foreground: argument }],
    colors: {
      'editor.background': '#ffffff00',
      'scrollbar.shadow': '#ffffff00',
      ...Object.fromEntries([
        ...accented.map((name) => [name, accent]),
        ...grounded.map((name) => [name, ground]),
        ...faintly.map((name) => [name, faint]),
      ]),
    },
  };
}

export const EDITOR_THEMES = {
  'graphiql-LIGHT': theme('vs', { accent: '#0f6b68', ground: '#ffffff', argument: '#5a55c0' }),
  'graphiql-DARK': theme('vs-dark', { accent: '#6fcdc4', ground: '#1b222b', argument: '#a6a1ff' }),
};
