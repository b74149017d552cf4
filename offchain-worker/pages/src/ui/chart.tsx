/** A line over time, by uPlot, in the colours of the page. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { JSX } from "preact";
import type uPlot from "uplot";
import { about } from "./words";

type Library = typeof uPlot;
let library: Library | null = null;
/** Loaded when the page is there: to evaluate it takes a slow phone longer than all else. */
const loading = async (): Promise<Library> => {
	const [{ default: found }] = await Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]);
	return (library = found);
};

export interface Line {
	label: string;
	values: (number | null)[];
	/** The name of a colour in the style sheet. */
	colour: string;
	fill?: boolean;
	stepped?: boolean;
}

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function Chart({
	xs,
	lines,
	height = 150,
	format = about,
	xFormat = String,
	label,
}: {
	xs: number[];
	lines: Line[];
	height?: number;
	format?: (value: number) => string;
	xFormat?: (value: number) => string;
	label: string;
}): JSX.Element {
	const holder = useRef<HTMLDivElement>(null);
	const plot = useRef<uPlot | null>(null);
	const [uPlot, load] = useState<{ library: Library } | null>(library && { library });
	useEffect(() => {
		if (!uPlot) void loading().then((found) => load({ library: found }));
	}, []);
	const shape = lines.map((line) => line.label).join();
	useEffect(() => {
		const node = holder.current;
		if (!node || !uPlot) return;
		const { library } = uPlot;
		const draw = () => {
			plot.current?.destroy();
			const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
			plot.current = new library(
				{
					width: node.clientWidth || 300,
					height,
					legend: { show: lines.length > 1, live: false },
					cursor: { y: false, points: { size: 7 } },
					scales: { x: { time: false } },
					axes: [
						{ ...axis, size: 26, space: 70, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? xFormat(tick) : "")) },
						{ ...axis, size: 58, space: 34, values: (_, ticks) => ticks.map((tick) => format(tick)) },
					],
					series: [
						{},
						...lines.map((line) => ({
							label: line.label,
							stroke: colour(line.colour),
							width: 2,
							points: { show: xs.length < 30, size: 5, fill: colour(line.colour) },
							...(line.fill ? { fill: `color-mix(in srgb, ${colour(line.colour)} 16%, transparent)` } : {}),
							...(line.stepped && library.paths.stepped ? { paths: library.paths.stepped({ align: 1 }) } : {}),
						})),
					],
				},
				[xs, ...lines.map((line) => line.values)] as uPlot.AlignedData,
				node,
			);
		};
		draw();
		// Only where the width has changed: what it draws has a size of its own, and would be told of again.
		const resized = new ResizeObserver(() => {
			if (plot.current && node.clientWidth && plot.current.width !== node.clientWidth) plot.current.setSize({ width: node.clientWidth, height });
		});
		resized.observe(node);
		const theme = matchMedia("(prefers-color-scheme: dark)");
		theme.addEventListener("change", draw);
		addEventListener("themechange", draw);
		return () => {
			resized.disconnect();
			theme.removeEventListener("change", draw);
			removeEventListener("themechange", draw);
			plot.current?.destroy();
			plot.current = null;
		};
	}, [shape, height, uPlot]);
	useEffect(() => plot.current?.setData([xs, ...lines.map((line) => line.values)] as uPlot.AlignedData));
	const last = lines.map(({ label: name, values }) => `${name}: ${values.at(-1) == null ? "–" : format(values.at(-1) as number)}`).join(", ");
	return <div class="chart" ref={holder} style={{ minHeight: `${height}px` }} role="img" aria-label={`${label}. ${last}`} />;
}
