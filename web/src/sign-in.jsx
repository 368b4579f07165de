import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { Refusal, currentView, signInWithKey, signInWithPassword, signOut, subscribe } from './credentials.js';

/** The bar above GraphiQL: the signed-in user, or the sign-in form. */
export function Bar() {
  const { who, kind, problem } = useSyncExternalStore(subscribe, currentView);
  const kindAtFirst = useRef(kind).current;
  return (
    <header className="bar">
      <h1>
        <a href="./">tenantry</a> <span>GraphiQL</span>
      </h1>
      {kind ? <SignedIn who={who} kind={kind} isNew={!kindAtFirst} /> : <SignInForm lastProblem={problem} />}
    </header>
  );
}

function SignedIn({ who, kind, isNew }) {
  const name = who?.name || who?.email || who?.id;
  const status = useRef(null);
  // The form that had the focus is gone; so move the focus here, and let a screen reader say who is signed in.
  useEffect(() => {
    if (isNew) status.current.focus();
  }, [isNew]);
  return (
    <div className="who">
      <p role="status" tabIndex={-1} ref={status}>
        {kind === 'key' ? 'API key of ' : 'Signed in as '}
        <strong>{name}</strong>
        {who?.email && who.email !== name && <span className="quiet"> {who.email}</span>}
      </p>
      <button type="button" onClick={signOut}>
        Sign out
      </button>
    </div>
  );
}

function SignInForm({ lastProblem }) {
  const [way, setWay] = useState('key');
  const [problem, setProblem] = useState(lastProblem);
  const [busy, setBusy] = useState(false);

  async function submit(event) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(null);
    try {
      // On success, the bar shows the signed-in user instead of this form.
      if (way === 'key') await signInWithKey(fields.get('key'));
      else await signInWithPassword(fields.get('email'), fields.get('password'));
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      setProblem(error instanceof Refusal ? error.message : 'Something went wrong in this page. Reload it and try again.');
      setBusy(false);
    }
  }

  const described = problem ? { 'aria-invalid': true, 'aria-describedby': 'problem' } : {};
  return (
    <>
      <form onSubmit={submit}>
        <fieldset className="ways">
          <legend className="hidden">How to sign in</legend>
          {[
            ['key', 'By key'],
            ['password', 'By password'],
          ].map(([value, label]) => (
            <label key={value}>
              <input
                type="radio"
                name="way"
                value={value}
                checked={way === value}
                onChange={() => {
                  setWay(value);
                  setProblem(null);
                }}
              />
              <span>{label}</span>
            </label>
          ))}
        </fieldset>
        {way === 'key' ? (
          <label className="field">
            <span>API key</span>
            <input name="key" type="password" autoComplete="off" spellCheck={false} required {...described} />
          </label>
        ) : (
          <>
            <label className="field">
              <span>E-mail</span>
              <input name="email" type="email" autoComplete="username" required {...described} />
            </label>
            <label className="field">
              <span>Password</span>
              <input name="password" type="password" autoComplete="current-password" required {...described} />
            </label>
          </>
        )}
        <button type="submit" disabled={busy}>
          {way === 'key' ? 'Use key' : 'Sign in'}
        </button>
      </form>
      <p className="problem" id="problem" role="alert">
        {problem}
      </p>
    </>
  );
}
