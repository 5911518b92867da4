// Search on pages opened from a disk: browsers start no worker there, so the theme's search runs in a hidden frame.
// The theme tests for the name IFrameWorker.
if (location.protocol === "file:") {
  window.Worker = window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      frame.title = "search"
      frame.srcdoc = `<script src="${new URL(url, location.href)}"></script>`
      this.frame = new Promise(resolve => frame.addEventListener("load", () => {
        frame.contentWindow.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
        resolve(frame.contentWindow)
      }))
      document.documentElement.append(frame)
    }

    postMessage(data) {
      this.frame.then(target => target.dispatchEvent(new target.MessageEvent("message", { data })))
    }
  }
}
