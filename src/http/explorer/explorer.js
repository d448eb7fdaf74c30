// The explorer's page: GraphiQL under a bar that holds the sample operations and the bearer token.
(() => {
  'use strict';

  const { createElement, useEffect, useState } = React;
  const { flushSync } = ReactDOM;
  const { useEditorContext } = GraphiQL.React;

  const ENDPOINT = '/graphql';
  const SAMPLES = '/explorer/samples.json';
  const TOKEN_KEY = 'kring:token';
  const EMPTY_QUERY = '{\n  __typename\n}\n';

  const element = (id) => document.getElementById(id);

  // A browser that blocks storage throws on the mere mention of it. The page then works from memory.
  const storage = (name) => {
    try {
      const found = window[name];
      const probe = 'kring:probe';
      found.setItem(probe, probe);
      found.removeItem(probe);
      return found;
    } catch {
      return null;
    }
  };

  // ---- What the address says ---------------------------------------------------------------------

  // `#token=…&sample=…` lets a command print an address that opens the explorer ready to use. A
  // fragment never reaches a server, and it is taken out of the address bar at once, so that the
  // token does not end up in a bookmark or a screenshot. `+` stands for itself: tokens may hold it.
  const takeFragment = () => {
    const given = new URLSearchParams(window.location.hash.slice(1).replaceAll('+', '%2B'));
    if (!given.has('token') && !given.has('sample')) return { token: null, sample: null };
    window.history.replaceState(null, '', window.location.pathname + window.location.search);
    return { token: given.get('token'), sample: given.get('sample') };
  };

  // ---- The token ---------------------------------------------------------------------------------

  // Kept for this tab only: sessionStorage is gone when the tab is, localStorage would stay on disk.
  const session = storage('sessionStorage');
  let token = null;

  // The token as pasted, without what people tend to copy along with it; null when it is none.
  const cleanToken = (text) => {
    const bare = text.trim().replace(/^authorization:\s*/i, '').replace(/^bearer\s+/i, '').trim();
    return /^[\w\-.~+/]+=*$/.test(bare) ? bare : null;
  };

  // What a JWT says about itself. Only for show: the server alone judges a token.
  const claims = (jwt) => {
    try {
      const part = jwt.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
      const bytes = Uint8Array.from(atob(part), (character) => character.codePointAt(0));
      const said = JSON.parse(new TextDecoder().decode(bytes));
      return said && typeof said === 'object' ? said : {};
    } catch {
      return {};
    }
  };

  const span = (seconds) => {
    if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
    if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
    return `${Math.round(seconds / 86400)} days`;
  };

  const tokenState = () => {
    if (!token) return { state: 'none', text: 'No token' };
    const { role, sub, exp } = claims(token);
    const who = [role, sub].filter((said) => typeof said === 'string' && said !== '');
    const title = who.join(' · ');
    const name = who.length > 0 ? `: ${who[0]}` : '';
    const left = typeof exp === 'number' ? exp - Date.now() / 1000 : Infinity;
    if (left <= 0) return { state: 'expired', text: `Token expired${name}`, title };
    return { state: 'set', text: `Token set${name}`, title, left: left < Infinity ? `${span(left)} left` : '' };
  };

  const showToken = () => {
    const { state, text, title = '', left = '' } = tokenState();
    const label = element('token-state');
    // Unchanged text is left alone, or a screen reader would hear it again with every tick. What is
    // left of the token's time does change, so it stands outside of what is read out.
    if (label.textContent !== text) label.textContent = text;
    label.dataset.state = state;
    label.title = title;
    element('token-left').textContent = left;
    element('token-field').hidden = state !== 'none';
    element('token-use').hidden = state !== 'none';
    element('token-clear').hidden = state === 'none';
  };

  const setToken = (next) => {
    token = next;
    if (session && next) session.setItem(TOKEN_KEY, next);
    if (session && !next) session.removeItem(TOKEN_KEY);
    showToken();
  };

  const tokenError = (text) => {
    element('token-error').textContent = text;
    element('token-field').setAttribute('aria-invalid', String(text !== ''));
  };

  // Whether the text was a token, which the rest of the page then starts to use.
  const acceptToken = (text) => {
    const next = cleanToken(text);
    if (next === null) {
      tokenError(text.trim() === '' ? 'Paste a token first' : 'This is not a bearer token');
      return false;
    }
    tokenError('');
    element('token-field').value = '';
    setToken(next);
    render();
    return true;
  };

  const wireToken = () => {
    const field = element('token-field');
    const clear = element('token-clear');
    // Where text cannot be masked, a password field is the lesser evil.
    if (!CSS.supports('-webkit-text-security', 'disc')) field.type = 'password';
    field.addEventListener('input', () => tokenError(''));
    field.addEventListener('blur', () => tokenError(''));
    field.addEventListener('paste', (event) => {
      event.preventDefault();
      if (acceptToken(event.clipboardData?.getData('text') ?? '')) clear.focus();
    });
    element('token-form').addEventListener('submit', (event) => {
      event.preventDefault();
      if (acceptToken(field.value)) clear.focus();
      else field.focus();
    });
    clear.addEventListener('click', () => {
      setToken(null);
      render();
      field.focus();
    });
    window.setInterval(showToken, 20_000);
  };

  // ---- Talking to the server ---------------------------------------------------------------------

  const failure = (message, extensions) => ({ errors: [{ message, ...(extensions && { extensions }) }] });

  // What each tab's last operation brought back, by the tab's id, for the line under the response.
  const answers = new Map();
  let redrawAnswer = () => {};

  const showSchema = (state, text) => {
    const line = element('schema');
    line.dataset.state = state;
    if (line.textContent !== text) line.textContent = text;
  };

  const post = async (operation, bearer, extra) => {
    const headers = new Headers({
      'Content-Type': 'application/json',
      Accept: 'application/graphql-response+json, application/json',
    });
    if (bearer) headers.set('Authorization', `Bearer ${bearer}`);
    // Last, so that GraphiQL's own headers tab can override anything for one operation.
    for (const [name, value] of Object.entries(extra ?? {})) headers.set(name, String(value));

    const started = performance.now();
    let response;
    let text;
    try {
      response = await fetch(ENDPOINT, { method: 'POST', headers, body: JSON.stringify(operation) });
      text = await response.text();
    } catch (error) {
      return { status: 0, body: failure(`The server did not answer: ${error.message}`) };
    }
    const taken = performance.now() - started;
    const size = new Blob([text]).size;
    try {
      return { status: response.status, taken, size, body: JSON.parse(text) };
    } catch {
      const body = failure('The answer is not JSON', { status: response.status, text: text.slice(0, 2000) });
      return { status: response.status, taken, size, body };
    }
  };

  // One fetcher per token: GraphiQL asks for the schema anew when it is given another fetcher.
  const fetcherFor = (bearer) => async (operation, options) => {
    const introspection = operation.operationName === 'IntrospectionQuery';
    const tab = activeTab();
    const answer = await post(operation, bearer, options?.headers);
    if (!introspection) {
      answers.set(tab, answer);
      redrawAnswer();
    } else if (bearer === token) {
      if (answer.body?.data?.__schema) showSchema('ready', 'Schema loaded');
      else if (answer.status === 0) showSchema('failed', 'No connection');
      else if (answer.status === 401 || answer.status === 403)
        showSchema('failed', bearer ? 'Schema needs another token' : 'Schema needs a token');
      else showSchema('failed', `No schema (${answer.status})`);
    }
    return answer.body;
  };

  // ---- Samples -----------------------------------------------------------------------------------

  const kindOf = (query) => /^\s*(query|mutation|subscription)\b/m.exec(query)?.[1] ?? 'query';

  const loadSamples = async () => {
    try {
      const response = await fetch(SAMPLES, { headers: { Accept: 'application/json' } });
      const list = response.ok ? await response.json() : [];
      const usable = (sample) => typeof sample?.name === 'string' && typeof sample?.query === 'string';
      return Array.isArray(list) ? list.filter(usable) : [];
    } catch {
      return [];
    }
  };

  const variablesOf = ({ variables }) => {
    if (variables === null || variables === undefined) return '';
    if (typeof variables === 'string') return variables;
    return Object.keys(variables).length > 0 ? JSON.stringify(variables, null, 2) : '';
  };

  // GraphiQL's editors, as its context last gave them; null until they are on the page.
  let editors = null;
  const activeTab = () => editors?.tabs[editors.activeTabIndex]?.id;

  // Shows a sample in the tab that already holds it, else in an untouched tab, else in a new one.
  const openSample = (sample) => {
    const held = editors.tabs.findIndex((tab) => tab.query === sample.query);
    const current = editors.queryEditor.getValue();
    if (held >= 0 && held !== editors.activeTabIndex) {
      editors.changeTab(held);
    } else if (held < 0) {
      // The editors must have been emptied for the new tab before they are filled.
      if (current.trim() !== '' && current !== EMPTY_QUERY) flushSync(() => editors.addTab());
      editors.queryEditor.setValue(sample.query);
      editors.variableEditor?.setValue(variablesOf(sample));
    }
    editors.queryEditor.focus();
  };

  const wireSamples = (samples) => {
    const holder = element('samples');
    const button = element('samples-button');
    const menu = element('samples-menu');
    holder.hidden = samples.length === 0;

    const items = samples.map((sample) => {
      const item = document.createElement('button');
      item.type = 'button';
      item.tabIndex = -1;
      item.setAttribute('role', 'menuitem');
      const kind = document.createElement('span');
      kind.className = 'kind';
      kind.dataset.kind = kindOf(sample.query);
      kind.textContent = kind.dataset.kind;
      const name = document.createElement('span');
      name.textContent = sample.name;
      item.append(name, kind);
      item.addEventListener('click', () => {
        close();
        if (editors) openSample(sample);
      });
      return item;
    });
    menu.replaceChildren(...items);

    const isOpen = () => !menu.hidden;
    const close = () => {
      menu.hidden = true;
      button.setAttribute('aria-expanded', 'false');
    };
    const open = (at) => {
      menu.hidden = false;
      button.setAttribute('aria-expanded', 'true');
      items.at(at)?.focus();
    };
    button.addEventListener('click', () => (isOpen() ? close() : open(0)));
    button.addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
      event.preventDefault();
      open(event.key === 'ArrowDown' ? 0 : -1);
    });
    menu.addEventListener('keydown', (event) => {
      const at = items.indexOf(document.activeElement);
      const move = { ArrowDown: (at + 1) % items.length, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
      if (move !== undefined) {
        event.preventDefault();
        items.at(move)?.focus();
      } else if (event.key === 'Escape') {
        close();
        button.focus();
      }
    });
    holder.addEventListener('focusout', (event) => {
      if (!holder.contains(event.relatedTarget)) close();
    });
    document.addEventListener('pointerdown', (event) => {
      if (isOpen() && !holder.contains(event.target)) close();
    });
  };

  // ---- GraphiQL ----------------------------------------------------------------------------------

  // Hands GraphiQL's editors to the bar, and fills the first tab on a first visit.
  const Bridge = ({ start }) => {
    const context = useEditorContext({ nonNull: true });
    const { queryEditor, variableEditor } = context;
    const ready = Boolean(queryEditor && variableEditor);
    if (ready) editors = context;
    useEffect(() => {
      if (ready) start();
    }, [ready, start]);
    return null;
  };

  const bytes = (count) => (count < 1000 ? `${count} B` : `${(count / 1000).toFixed(1)} kB`);

  // The line under the response: what came back, how long it took and how large it was.
  const Answer = () => {
    const { tabs, activeTabIndex } = useEditorContext({ nonNull: true });
    const [, count] = useState(0);
    useEffect(() => {
      redrawAnswer = () => count((drawn) => drawn + 1);
    }, []);
    const answer = answers.get(tabs[activeTabIndex]?.id);
    if (!answer) return createElement('div', { className: 'answer' }, 'Ctrl-Enter runs the operation');
    const failed = answer.status !== 200 || Array.isArray(answer.body?.errors);
    const status = answer.status === 0 ? 'No answer' : `HTTP ${answer.status}`;
    return createElement(
      'div',
      { className: 'answer', 'data-state': failed ? 'failed' : 'ok' },
      createElement('b', null, status),
      answer.status !== 0 && createElement('span', null, `${Math.max(1, Math.round(answer.taken))} ms`),
      answer.status !== 0 && createElement('span', null, bytes(answer.size)),
    );
  };

  const local = storage('localStorage');
  const kept = local ? GraphiQL.createLocalStorage({ namespace: 'kring' }) : null;
  const firstTab = [{ query: EMPTY_QUERY }];
  const root = ReactDOM.createRoot(element('explorer'));
  let start = () => {};
  let fetcher = null;
  let fetcherToken;

  function render() {
    if (!fetcher || fetcherToken !== token) {
      fetcherToken = token;
      fetcher = fetcherFor(token);
      showSchema('loading', 'Loading schema');
    }
    root.render(
      createElement(
        GraphiQL,
        {
          fetcher,
          storage: kept,
          defaultQuery: '',
          defaultTabs: firstTab,
          defaultEditorToolsVisibility: 'variables',
          // The headers tab may hold a token, too, and what is kept here stays on disk.
          shouldPersistHeaders: false,
        },
        createElement(GraphiQL.Logo, null, null),
        createElement(GraphiQL.Footer, null, createElement(Answer)),
        createElement(Bridge, { start }),
      ),
    );
  }

  const begin = async () => {
    const given = takeFragment();
    setToken(cleanToken(given.token ?? '') ?? session?.getItem(TOKEN_KEY) ?? null);
    wireToken();

    const samples = await loadSamples();
    wireSamples(samples);
    const named = (name) => samples.find((sample) => sample.name.toLowerCase() === name?.toLowerCase());
    // Someone who comes back finds the tabs as they were left.
    const firstVisit = !local?.getItem('kring:graphiql:tabState');
    start = () => {
      const sample = named(given.sample) ?? (firstVisit ? samples.at(0) : undefined);
      if (sample) openSample(sample);
    };
    render();

    // The same printed address, opened again in this tab, changes the fragment and loads nothing.
    window.addEventListener('hashchange', () => {
      const next = takeFragment();
      if (next.token !== null) acceptToken(next.token);
      const sample = named(next.sample);
      if (sample && editors) openSample(sample);
    });
  };

  void begin();
})();
