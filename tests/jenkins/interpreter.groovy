/* groovylint-disable ExceptionExtendsError, Instanceof, JavaIoPackageAccess, SystemErrPrint, SystemExit, UnusedMethodParameter */
// Runs one build of a declarative Jenkinsfile: what our files use and nothing more; anything else
// is refused by name. Shell steps, timeouts, JUnit files and artifacts are real; mails are kept.
// Usage:  java -cp groovy-all.jar groovy.ui.GroovyMain interpreter.groovy SPEC.json TRACE.json
//   SPEC   file, job, number, cause (timer or user), parameters, workspace, artifacts, console,
//          labels (of agents that are up), gone (a file: once it is there, the agent is not),
//          agent (its environment), controller (Jenkins' global variables), credentials (id: secret)
//   TRACE  result, name, description, stages, steps, mails, and what the file declares
// Exit:   0 the build ran, whatever its result; 1 the file is refused
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import java.nio.file.FileSystems
import java.nio.file.Files
import java.util.concurrent.TimeUnit

class Refused extends Error { Refused(String what) { super(what) } }
class Failed extends Exception { Failed(String what) { super(what) } }
class Aborted extends Exception { Aborted(String what) { super(what) } }

// Collects what a section holds, by name; `known` says how many arguments each name takes.
class Section {
    String where
    Map<String, Integer> known
    Build build
    Map<String, List> found = [:].withDefault { [] }

    def methodMissing(String name, arguments) {
        if (known[name] != arguments.size()) { throw new Refused("${where}: ${name} with ${arguments.size()} arguments") }
        found[name] << (arguments.size() == 1 ? arguments[0] : arguments as List)
    }

    def propertyMissing(String name) { name == 'none' ? name : build.global(name) }

    def one(String name) {
        if (found[name].size() > 1) { throw new Refused("${where}: ${name} twice") }
        found[name] ? found[name][0] : null
    }

    Section inner(String name, Map known) { one(name) == null ? null : build.section("${where}: ${name}", known, one(name)) }
}

// An `environment` block: its values in order; secrets of `credentials` are masked from then on.
class Variables {
    Build build
    Map<String, String> values = [:]

    void setProperty(String name, value) { this.@values[name] = value.toString() }
    def getProperty(String name) { this.@build.global(name) }
    String credentials(String id) {
        def secret = this.@build.spec.credentials[id]
        if (secret == null) { throw new Failed("Could not find credentials entry with ID '${id}'") }
        this.@build.secrets << secret
        secret
    }
}

// `env`: what is in force here; what is set counts for the whole build.
class Env {
    Build build

    def getProperty(String name) { this.@build.variables()[name] }
    void setProperty(String name, value) { this.@build.assigned[name] = value.toString() }
}

class CurrentBuild {
    Build build
    String description, displayName

    String getCurrentResult() { build.result }
    List getBuildCauses(String type) {
        build.spec.cause == 'timer' && type == 'hudson.triggers.TimerTrigger$TimerTriggerCause' ? [[_class: type]] : []
    }
}

// The steps of a `steps`, `script` or post block.
class Steps {
    static final List ON_AGENT = ['sh', 'git', 'readFile', 'fileExists', 'junit', 'archiveArtifacts']
    static final Map ALLOWED = [sh: ['script'], git: ['url', 'branch'], unstable: ['message'], mail: ['to', 'subject', 'body'],
        readFile: ['file'], fileExists: ['file'], junit: ['testResults', 'allowEmptyResults'],
        archiveArtifacts: ['artifacts', 'allowEmptyArchive']]
    Build build

    def propertyMissing(String name) { build.global(name) }
    def script(Closure body) { build.within(new Steps(build: build), body) }

    def methodMissing(String name, arguments) {
        if (!ALLOWED[name] || arguments.size() != 1) { throw new Refused("step ${name} with ${arguments.size()} arguments") }
        def given = arguments[0] instanceof Map ? arguments[0] : [(ALLOWED[name][0]): arguments[0]]
        if (given.keySet() - ALLOWED[name]) { throw new Refused("step ${name}: ${given.keySet() - ALLOWED[name]}") }
        def record = [step: name, stage: build.stage] + given.collectEntries { [it.key, it.value?.toString()] }
        build.trace.steps << record
        build.checkTime()
        if (name in ON_AGENT) { build.checkAgent() }
        "${name}Step"(given, record)
    }

    def execute(Map record, List command) {
        record.code = build.run(command)
        if (record.code) { throw new Failed("script returned exit code ${record.code}") }
    }

    def shStep(Map given, Map record) {
        build.say("+ ${given.script}")
        execute(record, ['/bin/sh', '-xe', '-c', given.script]) // as Jenkins calls it
    }

    def gitStep(Map given, Map record) { execute(record, ['git', 'clone', '--quiet', '--branch', given.branch, given.url, '.']) }
    def unstableStep(Map given, Map record) { build.worsen('UNSTABLE') }
    def readFileStep(Map given, Map record) { build.file(given.file).getText('UTF-8') }
    def fileExistsStep(Map given, Map record) { build.file(given.file).exists() }

    def mailStep(Map given, Map record) {
        if (!given.to) { throw new Failed('mail: nobody to send it to') }
        build.trace.mails << record.subMap('to', 'subject', 'body')
    }

    def junitStep(Map given, Map record) {
        def suites = build.files(given.testResults).collect { new XmlSlurper().parse(it.toFile()) }
        def cases = suites.collectMany { suite -> suite.'**'.findAll { it.name() == 'testcase' } }
        if (!cases && !given.allowEmptyResults) { throw new Failed('No test report files were found') }
        record.cases = cases.size()
        record.failures = cases.count { it.failure.size() + it.error.size() > 0 }
        if (record.failures) { build.worsen('UNSTABLE') }
    }

    def archiveArtifactsStep(Map given, Map record) {
        record.files = build.files(given.artifacts).collect { path ->
            def name = build.workspace.relativize(path).toString()
            new File(build.spec.artifacts, name).with { parentFile.mkdirs(); Files.copy(path, toPath()) }
            name
        }
        if (!record.files && !given.allowEmptyArchive) { throw new Failed("No artifacts match '${given.artifacts}'") }
    }
}

class Build {
    static final List RESULTS = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'ABORTED'] // a build's only gets worse
    static final Map POST = [ // in the order in which Jenkins looks at them
        always: { true }, aborted: { it == 'ABORTED' }, failure: { it == 'FAILURE' }, success: { it == 'SUCCESS' },
        unstable: { it == 'UNSTABLE' }, unsuccessful: { it != 'SUCCESS' }, cleanup: { true },
    ]
    static final Map OPTIONS = [timestamps: 0, disableConcurrentBuilds: 0, skipDefaultCheckout: 0, buildDiscarder: 1, logRotator: 1]
    Map spec
    Map trace = [options: [], triggers: [:], parameters: [], stages: [], steps: [], mails: []]
    String result = 'SUCCESS'
    String stage
    Map parameters = [:]
    Map<String, String> assigned = [:]
    List<Map> scopes = [] // the environment blocks that we are in
    List<Long> deadlines = []
    Set<String> secrets = []
    int agents
    Exception told
    Map objects = [env: new Env(build: this), currentBuild: new CurrentBuild(build: this), params: parameters]

    def global(String name) {
        if (!objects.containsKey(name)) { throw new Refused("property ${name}") }
        objects[name]
    }

    def within(Object delegate, Closure body) {
        body.delegate = delegate
        body.resolveStrategy = Closure.DELEGATE_FIRST
        body()
    }

    Section section(String where, Map known, Closure body) {
        new Section(where: where, known: known, build: this).with { section -> within(section, body); section }
    }

    def getWorkspace() { new File(spec.workspace).toPath() }
    File file(String path) { new File(spec.workspace, path) }
    List files(String pattern) {
        def matcher = FileSystems.default.getPathMatcher("glob:${pattern}")
        Files.walk(workspace).iterator().findAll { Files.isRegularFile(it) && matcher.matches(workspace.relativize(it)) }.sort()
    }

    void worsen(String other) { if (RESULTS.indexOf(other) > RESULTS.indexOf(result)) { result = other } }

    Map<String, String> variables() {
        def built = [BUILD_NUMBER: spec.number, JOB_NAME: spec.job, BUILD_TAG: "jenkins-${spec.job}-${spec.number}", STAGE_NAME: stage,
            BUILD_URL: "${spec.controller.JENKINS_URL}job/${spec.job}/${spec.number}/", WORKSPACE: spec.workspace]
        def all = spec.controller + (agents ? spec.agent : [:]) + built + parameters + assigned
        scopes.each { all += it }
        all.findAll { it.value != null }.collectEntries { [it.key, it.value.toString()] }
    }

    void say(String text) {
        new File(spec.console).append(secrets.findAll().inject(text) { line, secret -> line.replace(secret, '****') } + '\n', 'UTF-8')
    }

    void checkTime() { if (deadlines && System.currentTimeMillis() >= deadlines.min()) { throw new Aborted('Timeout has been exceeded') } }

    void checkAgent() {
        if (!agents) { throw new Failed('Required context class hudson.FilePath is missing: no agent') }
        if (new File(spec.gone).exists()) { throw new Failed('the agent was removed or is offline') }
    }

    int run(List command) {
        def builder = new ProcessBuilder(command*.toString()).directory(file('.')).redirectErrorStream(true)
        builder.environment().clear()
        builder.environment().putAll(variables())
        def process = builder.redirectInput(new File('/dev/null')).start()
        def reader = Thread.start { process.inputStream.eachLine('UTF-8') { say(it) } }
        try {
            while (!process.waitFor(50, TimeUnit.MILLISECONDS)) { checkTime(); checkAgent() }
        } finally {
            process.descendants().iterator().each { it.destroyForcibly() }
            process.destroyForcibly()
            reader.join()
        }
        process.exitValue()
    }

    // Options, agent and environment of the pipeline or of a stage, around what it does.
    void inside(Section section, Map known, Closure body) {
        def options = section.inner('options', known)
        trace.options.addAll(options?.found?.keySet() ?: [])
        def limit = options?.one('timeout')
        if (limit) { deadlines << System.currentTimeMillis() + TimeUnit.valueOf(limit.unit).toMillis(limit.time) }
        def label = section.one('agent') in [null, 'none'] ? null : section.inner('agent', [label: 1]).one('label')
        def variables = new Variables(build: this)
        try {
            if (label && !(label in spec.labels)) { throw new Aborted("Timeout has been exceeded: no agent has the label ${label}") }
            agents += label ? 1 : 0
            scopes << variables.@values
            if (section.one('environment')) { within(variables, section.one('environment')) }
            body()
        } finally {
            scopes.removeAll { it.is(variables.@values) }
            agents = label && agents ? agents - 1 : agents
            if (limit) { deadlines.pop() }
        }
    }

    // Runs all of it; what fails makes the result worse and keeps nothing after it from its turn.
    void all(List<Closure> parts) {
        def errors = parts.collect { part ->
            try { part(); null } catch (Failed | Aborted | IOException error) {
                worsen(error instanceof Aborted ? 'ABORTED' : 'FAILURE')
                error
            }
        }
        errors.findAll().take(1).each { if (!it.is(told)) { say("ERROR: ${it.message}") }; told = it; throw it }
    }

    void guarded(Section section, Closure body) {
        def post = section.inner('post', POST.collectEntries { [it.key, 1] })
        def turn = { name, applies -> { -> post?.one(name) && applies(result) ? new Steps(build: this).script(post.one(name)) : null } }
        all([body] + POST.collect(turn))
    }

    void stages(Section section) { all(section.inner('stages', [stage: 2]).found.stage.collect { part -> { -> runStage(*part) } }) }

    void runStage(String name, Closure body) {
        def section = section("stage ${name}", [agent: 1, options: 1, environment: 1, when: 1, steps: 1, stages: 1, post: 1], body)
        if (!section.one('steps') == !section.one('stages')) { throw new Refused("stage ${name}: one of steps and stages") }
        def record = [name: name, status: 'SKIPPED']
        trace.stages << record
        def outer = stage
        try {
            stage = name
            def chosen = section.inner('when', [expression: 1])?.one('expression') ?: { true }
            if (result in ['FAILURE', 'ABORTED'] || !chosen()) { return }
            record.status = 'FAILED'
            inside(section, [timeout: 1]) {
                guarded(section) { section.one('steps') ? new Steps(build: this).script(section.one('steps')) : stages(section) }
            }
            record.status = 'DONE'
        } finally { stage = outer }
    }

    void declare(Section declared) {
        declared.found.each { type, all -> all.each { trace.parameters << it + [type: type] } }
        (spec.parameters.keySet() - trace.parameters*.name).each { throw new Refused("parameter ${it}: the file has none") }
        trace.parameters.each {
            def value = spec.parameters.containsKey(it.name) ? spec.parameters[it.name] : it.choices ? it.choices[0] : it.defaultValue
            if (it.choices && !(value in it.choices)) { throw new Refused("parameter ${it.name}: no choice ${value}") }
            parameters[it.name] = it.trim ? value.trim() : value
        }
    }

    void pipeline(Closure body) {
        def root = section('pipeline', [agent: 1, options: 1, triggers: 1, parameters: 1, environment: 1, stages: 1, post: 1], body)
        if (!root.one('agent') || !root.one('stages')) { throw new Refused('pipeline: it needs agent and stages') }
        trace.triggers = root.inner('triggers', [cron: 1, pollSCM: 1])?.found ?: [:]
        if (root.one('parameters')) { declare(root.inner('parameters', [string: 1, choice: 1, booleanParam: 1])) }
        try { all([{ inside(root, OPTIONS) { guarded(root) { stages(root) } } }]) } catch (Failed | Aborted | IOException e) { told = e }
        trace += [result: result, name: objects.currentBuild.displayName, description: objects.currentBuild.description]
    }
}

def build = new Build(spec: new JsonSlurper().parse(new File(args[0])))
try {
    new GroovyShell(this.class.classLoader, new Binding(pipeline: { build.pipeline(it) })).evaluate(new File(build.spec.file))
} catch (Refused | MissingPropertyException | MissingMethodException refused) {
    System.err.println("refused: ${refused.message}")
    System.exit(1)
}
new File(args[1]).setText(JsonOutput.toJson(build.trace), 'UTF-8')
