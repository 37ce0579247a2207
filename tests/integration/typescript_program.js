// One command of the engine with a compiled TypeScript program, by the Automation API of Pulumi's Node.js SDK: it serves the
// program to the engine itself, so that no language host for Node.js is needed, which is published nowhere.
//
//     node typescript_program.js preview|up|destroy      (in the directory of the program)
const { createRequire } = require("node:module");

const local = createRequire(`${process.cwd()}/`);
const { LocalWorkspace } = local("@pulumi/pulumi/automation");

async function main() {
    const program = async () => local("./bin/index.js");
    const options = { workDir: process.cwd() };
    const stack = await LocalWorkspace.selectStack(
        { stackName: "dev", projectName: "typescript-program", program },
        options,
    );
    await stack[process.argv[2]]({ onOutput: (text) => process.stdout.write(text), expectNoChanges: process.argv[3] === "unchanged" });
}

main().catch((error) => {
    console.error(error.message);
    process.exit(1);
});
