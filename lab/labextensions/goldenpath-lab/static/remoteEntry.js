// Shows why a saved notebook was not exported, until it is. JupyterLab loads this file as it is: it is written
// in the form that webpack would give it, so that nothing has to be built.
const EXPORTED = 'https://goldenpath.invalid/events/exported';  // as in lab/notebooks.py
const shown = new Map();  // id of the notification, by notebook

const plugin = {
    id: 'goldenpath-lab:exports',
    description: 'Shows why a saved notebook was not exported.',
    autoStart: true,
    activate: (app) => app.serviceManager.events.stream.connect((_, event) => {
        if (event.schema_id === EXPORTED) show(app.commands, event);
    }),
};

async function show(commands, {notebook, complaint}) {
    const id = shown.get(notebook);
    if (complaint && id) {
        await commands.execute('apputils:update-notification', {id, message: complaint, type: 'error'});
    } else if (complaint) {
        const options = {autoClose: false};
        shown.set(notebook, await commands.execute('apputils:notify', {message: complaint, type: 'error', options}));
    } else if (id) {
        shown.delete(notebook);
        await commands.execute('apputils:dismiss-notification', {id});
    }
}

window._JUPYTERLAB = window._JUPYTERLAB || {};
window._JUPYTERLAB['goldenpath-lab'] = {
    init: () => {},
    get: async () => () => ({__esModule: true, default: plugin}),
};
