// The run as a graph. Loaded when it is looked at: the library is larger than the rest of the page.
import {
  Background,
  BackgroundVariant,
  BaseEdge,
  Controls,
  type Edge,
  type EdgeProps,
  Handle,
  MarkerType,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Step } from "../../../api/types";
import { Elapsed } from "../../../ui/elapsed";
import { StatusIcon, shownStep, statusWord, toneOf } from "../../../ui/status";
import { type Direction, finallyId, type Layout, layoutFor, leastZoom, type Point } from "./layout";
import { countsOf, matrixText, matrixValues, reasonText } from "./step-text";
import "./run-graph.css";

interface StepData extends Record<string, unknown> {
  step: Step;
  instances: Step[];
  direction: Direction;
  small: boolean;
}
type StepNode = Node<StepData, "step">;
type GraphNode = StepNode | Node<Record<string, unknown>, "finally">;

function Ends({ direction }: { direction: Direction }) {
  const across = direction === "across";
  return (
    <>
      <Handle type="target" position={across ? Position.Left : Position.Top} isConnectable={false} />
      <Handle type="source" position={across ? Position.Right : Position.Bottom} isConnectable={false} />
    </>
  );
}

function Under({ step, instances }: { step: Step; instances: Step[] }) {
  if (instances.length > 0) {
    return (
      <span className="graph-counts">
        {countsOf(instances).map(([status, count]) => (
          <span key={status} className={`tone-${toneOf(status)}`}>
            {count} {statusWord(status).toLowerCase()}
          </span>
        ))}
      </span>
    );
  }
  const attempt = step.attempt > 1 ? ` · attempt ${step.attempt}` : "";
  if (step.status === "waiting" || step.status === "skipped")
    return (
      <span>
        {statusWord(step.status)} {reasonText(step)}
      </span>
    );
  if (!step.started_at) return <span>{step.kind}</span>;
  return (
    <span>
      {step.kind} · <Elapsed from={step.started_at} to={step.finished_at} />
      {attempt}
    </span>
  );
}

// What the eye sees from shape and colour, in words.
function saidOf(step: Step, instances: Step[]): string {
  const parts = [statusWord(step.status).toLowerCase()];
  if (step.matrix_of !== null) parts.push(`${matrixText(step)}, one of ${step.matrix_of}`);
  if (instances.length > 0) parts.push(`a matrix of ${instances.length} steps`);
  else if (step.needs.length > 0 && step.matrix_of === null) parts.push(`needs ${step.needs.join(" and ")}`);
  if (step.finally) parts.push("runs finally");
  return parts.filter(Boolean).join(", ");
}

function StepBox({ data, selected }: NodeProps<StepNode>) {
  const { step, instances, direction, small } = data;
  const className = [
    "graph-step",
    `tone-${toneOf(step.status)}`,
    `graph-${step.status}`,
    instances.length > 0 ? "graph-matrix" : "",
    selected ? "graph-selected" : "",
  ].join(" ");
  return (
    <div
      className={className}
      data-state={step.status}
      title={step.error?.message ?? (small ? matrixText(step) : undefined)}
    >
      {small ? null : <Ends direction={direction} />}
      <StatusIcon status={shownStep(step)} />
      <span className="graph-text">
        <span className="graph-name">{small ? matrixValues(step) || step.name : step.name}</span>
        <span className="graph-under">
          <Under step={step} instances={instances} />
        </span>
        <span className="visually-hidden">, {saidOf(step, instances)}</span>
      </span>
    </div>
  );
}

function FinallyBox({ data }: NodeProps<Node<Record<string, unknown>, "finally">>) {
  return (
    <div className="graph-finally">
      <Ends direction={data.direction as Direction} />
      Finally, whatever happens
    </div>
  );
}

type Route = Edge<{ through: Point[]; direction: Direction }, "route">;

// A curve that leaves and arrives along the direction of the graph, by way of the points.
function RouteLine({ sourceX, sourceY, targetX, targetY, data, markerEnd }: EdgeProps<Route>) {
  const across = data?.direction === "across";
  const points = [{ x: sourceX, y: sourceY }, ...(data?.through ?? []), { x: targetX, y: targetY }];
  const path = points.slice(1).reduce((text, to, index) => {
    const from = points[index] ?? to;
    const half = across ? (to.x - from.x) / 2 : (to.y - from.y) / 2;
    const bend = across
      ? `${from.x + half},${from.y} ${to.x - half},${to.y}`
      : `${from.x},${from.y + half} ${to.x},${to.y - half}`;
    return `${text} C${bend} ${to.x},${to.y}`;
  }, `M${sourceX},${sourceY}`);
  return <BaseEdge path={path} {...(markerEnd ? { markerEnd } : {})} />;
}

const edgeTypes = { route: RouteLine };
const nodeTypes = { step: StepBox, finally: FinallyBox };

// The frame's width; 0 until it is known.
function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!element.current) return;
    setWidth(element.current.clientWidth);
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setWidth(Math.round(entry.contentRect.width));
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

const margin = 20; // around the graph, in its frame
const tallest = 1400; // of the frame; the rest is reached by moving the graph

// Where a finger moves the page, it does not move the graph in it.
const coarse = window.matchMedia("(pointer: coarse)").matches;

// Shows all of the graph, as large as fits, when its shape or its frame changes. Not smaller than can be read: the frame
// scrolls then.
function Placed({ places, width }: { places: Layout; width: number }) {
  const { setViewport } = useReactFlow();
  const zoom = zoomOf(places, width);
  const left = Math.max(margin, (width - places.width * zoom) / 2);
  const top =
    places.direction === "across"
      ? Math.max(margin, (heightOf(places, zoom) - places.height * zoom) / 2)
      : margin;
  useEffect(() => {
    void setViewport({ x: left, y: top, zoom });
  }, [left, top, zoom, setViewport]);
  return null;
}

const zoomOf = (places: Layout, width: number) =>
  Math.min(1, Math.max(leastZoom, (width - 2 * margin) / Math.max(1, places.width)));

const heightOf = (places: Layout, zoom: number) =>
  Math.round(Math.min(tallest, Math.max(150, places.height * zoom + 2 * margin)));

const words = {
  "node.a11yDescription.default": "Press Enter to show this step.",
  "edge.a11yDescription.default": "",
  "controls.ariaLabel": "View of the graph",
  "controls.zoomIn.ariaLabel": "Closer",
  "controls.zoomOut.ariaLabel": "Further away",
  "controls.fitView.ariaLabel": "Show all",
};

export default function RunGraph({
  steps,
  selected,
  onSelect,
}: {
  steps: Step[];
  selected: string | null;
  onSelect: (step: string) => void;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const shape = `${width} ${steps.map(({ name, needs }) => `${name}<${needs.join()}`).join(" ")}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: places depend on the shape alone, not on states
  const places = useMemo(() => layoutFor(steps, width - 2 * margin), [shape]);
  const { direction } = places;
  const zoom = zoomOf(places, width);

  const nodes = useMemo(() => {
    const known = new Map(steps.map((step) => [step.name, step]));
    const box = places.finallyBox;
    const result: GraphNode[] = box
      ? [
          {
            id: finallyId,
            type: "finally",
            position: { x: box.x, y: box.y },
            width: box.width,
            height: box.height,
            data: { direction },
            focusable: false,
            selectable: false,
            ariaRole: "presentation",
          },
        ]
      : [];
    for (const place of places.nodes) {
      const step = known.get(place.id);
      if (!step) continue;
      const instances = place.instances > 0 ? steps.filter(({ matrix_of }) => matrix_of === step.name) : [];
      result.push({
        id: place.id,
        type: "step",
        position: { x: place.x, y: place.y },
        width: place.width,
        height: place.height,
        data: { step, instances, direction, small: step.matrix_of !== null },
        selected: selected === place.id,
        ariaRole: "button",
        domAttributes: { "aria-pressed": selected === place.id },
        zIndex: place.parent === null ? 0 : 1,
        ...(place.parent === null ? {} : { parentId: place.parent }),
      });
    }
    return result;
  }, [steps, places, selected, direction]);

  const edges = useMemo(() => {
    const known = new Map(steps.map((step) => [step.name, step]));
    return places.lines.map(({ from, to, toFinally, through }): Route => {
      const done = known.get(from)?.status === "completed";
      const live = known.get(to)?.status === "running";
      return {
        id: `${from} ${to}`,
        type: "route",
        data: { through, direction: places.direction },
        source: from,
        target: to,
        focusable: false,
        selectable: false,
        animated: live,
        className: [
          "graph-line",
          done ? "graph-line-done" : "",
          live ? "graph-line-live" : "",
          toFinally ? "graph-line-finally" : "",
        ].join(" "),
        markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14, color: "var(--line-strong)" },
      };
    });
  }, [steps, places]);

  return (
    <div ref={frame} className="run-graph card">
      <div style={{ height: heightOf(places, zoom), minWidth: Math.ceil(places.width * zoom) + 2 * margin }}>
        <ReactFlowProvider>
          <ReactFlow<GraphNode, Route>
            aria-label="Graph of the run's steps"
            nodes={nodes}
            edges={edges}
            nodeTypes={nodeTypes}
            edgeTypes={edgeTypes}
            onNodesChange={(changes) => {
              for (const change of changes)
                if (change.type === "select" && change.selected) onSelect(change.id);
            }}
            minZoom={0.2}
            maxZoom={1.6}
            nodesDraggable={false}
            nodesConnectable={false}
            edgesFocusable={false}
            deleteKeyCode={null}
            multiSelectionKeyCode={null}
            selectionKeyCode={null}
            zoomOnScroll={false}
            zoomOnDoubleClick={false}
            zoomOnPinch={!coarse}
            panOnDrag={!coarse}
            preventScrolling={false}
            ariaLabelConfig={words}
            attributionPosition="top-right"
          >
            <Background variant={BackgroundVariant.Dots} gap={18} size={1} />
            {coarse ? null : (
              <Controls
                showInteractive={false}
                fitViewOptions={{ maxZoom: 1, padding: 0.04 }}
                position="bottom-right"
                orientation="horizontal"
              />
            )}
            <Placed places={places} width={width} />
          </ReactFlow>
        </ReactFlowProvider>
      </div>
    </div>
  );
}
