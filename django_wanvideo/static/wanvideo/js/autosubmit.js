// Goes on with a long list of tasks without being asked.
document.querySelector("[data-wanvideo-autosubmit]")?.requestSubmit();
