// Shows why a saved notebook was not exported, until it is; and opens a notebook at the cell that the address
// names. JupyterLab loads this file as it is: it is written in the form that webpack would give it, so that
// nothing has to be built.
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

// JupyterLab itself looks for the cell before the notebook of the address is open.
const cell = new URLSearchParams(location.hash.slice(1)).get('cell-id');
const opener = {
    id: 'goldenpath-lab:cell',
    description: 'Opens a notebook at the cell that the address names.',
    autoStart: true,
    activate: (app) => cell && app.shell.currentChanged.connect(openAt),
};

async function openAt(shell) {
    const panel = shell.currentWidget;
    if (!panel?.content?.widgets || !location.pathname.endsWith(encodeURI(panel.context.path))) return;
    shell.currentChanged.disconnect(openAt);
    await panel.revealed;
    const place = panel.content.widgets.findIndex((widget) => widget.model.id === cell);
    if (place < 0) return;
    panel.content.activeCellIndex = place;
    for (let tries = 0; tries < 40 && !isInView(panel.content.widgets[place].node); tries++) {
        await panel.content.scrollToItem(place, 'center');  // without effect until the cells are laid out
        await new Promise((done) => setTimeout(done, 250));
    }
}

function isInView(node) {
    const {top, bottom} = node.getBoundingClientRect();
    return top > 0 && bottom > top && top < innerHeight;
}

window._JUPYTERLAB = window._JUPYTERLAB || {};
window._JUPYTERLAB['goldenpath-lab'] = {
    init: () => {},
    get: async () => () => ({__esModule: true, default: [plugin, opener]}),
};
