/** The light client at work, beside the page: WebAssembly would hold up the picture. */
import { compileBytecode } from "smoldot/bytecode";
import { run } from "smoldot/worker";

void compileBytecode().then((bytecode) => postMessage(bytecode));
onmessage = ({ data }: MessageEvent<MessagePort>) => void run(data);
