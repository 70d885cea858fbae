// After a refused form the summary of errors is read first.
const note = document.querySelector(".errornote");
if (note) {
    note.tabIndex = -1;
    note.focus();
}
