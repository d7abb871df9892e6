// The look of charts: Vega's configuration from the host's colours and fonts, as they are now.
function hostLook(place) {
  const style = getComputedStyle(place);
  const colour = (names, other) => names.map((name) => style.getPropertyValue(name).trim()).find(Boolean) ?? other;
  return {
    text: colour(["--jp-content-font-color1", "--vscode-foreground"], style.color),
    dim: colour(["--jp-content-font-color2", "--vscode-descriptionForeground"], style.color),
    grid: colour(["--jp-border-color2", "--vscode-panel-border"], "rgba(128, 128, 128, 0.3)"),
    font: style.fontFamily,
    size: parseFloat(style.fontSize) || 13,
  };
}

function vegaConfig({ text, dim, grid, font, size }) {
  const small = Math.max(10, size - 2);
  const words = { labelColor: dim, titleColor: dim, labelFont: font, titleFont: font, labelFontSize: small, titleFontSize: small, titleFontWeight: "normal" };
  return {
    background: "transparent",
    font,
    axis: { ...words, domainColor: grid, gridColor: grid, gridOpacity: 0.6, tickColor: grid },
    header: words,
    legend: words,
    title: { color: text, font, fontSize: size, fontWeight: "normal", subtitleColor: dim, subtitleFont: font, subtitleFontSize: small, anchor: "start" },
    text: { color: text, font, fontSize: small },
    view: { stroke: "transparent" },
  };
}

// Calls back when the host takes another theme; gives what ends that.
function whenThemeChanges(callback) {
  const observer = new MutationObserver(callback);
  observer.observe(document.body, { attributeFilter: ["data-jp-theme-name", "data-jp-theme-light", "data-vscode-theme-kind"] });
  return () => observer.disconnect();
}
