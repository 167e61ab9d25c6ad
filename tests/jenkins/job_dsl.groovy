/* groovylint-disable Instanceof, JavaIoPackageAccess, SystemExit */
// Runs jenkins/seed.groovy and writes the jobs that it asks for; what Job DSL does not have, or
// what the seed does not use, is refused.
// Usage:  java -cp groovy-all.jar groovy.ui.GroovyMain job_dsl.groovy SEED.groovy JOBS.json
import groovy.json.JsonOutput

class Block {

    Map known // name: a map of the names inside it, or null for a value
    Map found = [:]

    def methodMissing(String name, arguments) {
        if (!known.containsKey(name)) { throw new IllegalArgumentException("Job DSL has no ${name} here") }
        def inner = arguments && arguments[0] instanceof Closure ? Block.of(known[name], arguments[0]) : arguments as List
        found[name] = (found[name] ?: []) + [inner]
    }

    static Map of(Map known, Closure body) {
        Block block = new Block(known: known)
        body.delegate = block
        body.resolveStrategy = Closure.DELEGATE_FIRST
        body()
        block.found
    }

}

Map times = [cron: [spec: null], pollSCM: [scmpoll_spec: null]]
Map job = [
    description: null, disabled: null,
    parameters: [stringParam: null, choiceParam: null, booleanParam: null],
    properties: [disableConcurrentBuilds: null, pipelineTriggers: [triggers: times]],
    definition: [cps: [script: null, sandbox: null]],
]
Map jobs = [:]
Binding binding = new Binding(pipelineJob: { String name, Closure body -> jobs[name] = Block.of(job, body) })
new GroovyShell(this.class.classLoader, binding).evaluate(new File(args[0]))
new File(args[1]).setText(JsonOutput.toJson(jobs), 'UTF-8')
