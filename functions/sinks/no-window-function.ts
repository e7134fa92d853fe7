import type { WindowFunction } from '../core/definition/sink.ts';

/** Stands for `#window-function` where a sink's function is in the pipeline itself, or the sink is of another kind. */
const none: WindowFunction | undefined = undefined;
export default none as WindowFunction | undefined;
