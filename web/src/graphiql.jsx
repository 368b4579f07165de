// Styles first, ours last. `graphiql/style.css` contains the same styles and Monaco's, but every font as a `data:` URL.
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import 'graphiql/graphiql.css';
import './graphiql.css';
// GraphQL, JSON and plain text editor workers; Monaco's other languages are not imported anywhere.
import 'graphiql/setup-workers/vite';

import { DOC_EXPLORER_PLUGIN } from '@graphiql/plugin-doc-explorer';
import { useMonaco } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';
import { currentView, fetchGraphQL, subscribe } from './credentials.js';
import { EXAMPLES } from './operations.js';
import { Bar } from './sign-in.jsx';
import { EDITOR_THEMES } from './editor-themes.js';

// Initially open if there is room for three columns.
const OPENED = matchMedia('(min-width: 90rem)').matches ? DOC_EXPLORER_PLUGIN : null;

function Page() {
  const view = useSyncExternalStore(subscribe, currentView);
  // A new fetcher makes GraphiQL fetch the schema again, because the visible schema depends on the caller.
  const fetcher = useMemo(() => (params, options) => fetchGraphQL(params, options), [view]);
  return (
    <>
      <Bar />
      <main>
        {/* Tabs and history hold variables, and so passwords of new users: they too stay in this browser tab. */}
        <GraphiQL
          fetcher={fetcher}
          storage={sessionStorage}
          defaultTabs={EXAMPLES}
          defaultEditorToolsVisibility="variables"
          visiblePlugin={OPENED}
          inputValueDeprecation
          schemaDescription
          showPersistHeadersSettings={false}
        >
          <GraphiQL.Logo> </GraphiQL.Logo>
          <EditorThemes />
        </GraphiQL>
      </main>
    </>
  );
}

function EditorThemes() {
  const monaco = useMonaco((state) => state.monaco);
  useEffect(() => {
    for (const [name, theme] of Object.entries(EDITOR_THEMES)) monaco?.editor.defineTheme(name, theme);
  }, [monaco]);
  return null;
}

createRoot(document.getElementById('page')).render(<Page />);
