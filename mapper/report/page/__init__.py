"""Pages that people look at: one self-contained HTML file each, with charts by Apache ECharts and no network."""
