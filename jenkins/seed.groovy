/* groovylint-disable EmptyMethod, JavaIoPackageAccess, UnusedMethodParameter */
// Job DSL, run by casc.yaml whenever the controller starts: a job a Jenkinsfile, so that nobody clicks.
// Jenkins learns triggers and parameters from a Jenkinsfile in the first build only, which then has
// neither; so they are read here from the same file, by calling its blocks.
class Declared {

    List<Map> asked = []
    Map<String, String> times = [:]

    void triggers(Closure body) { inside(body) }

    void parameters(Closure body) { inside(body) }

    void cron(String spec) { times.cron = spec }

    void pollSCM(String spec) { times.pollSCM = spec }

    void string(Map given) { asked << given + [type: 'string'] }

    void choice(Map given) { asked << given + [type: 'choice'] }

    void booleanParam(Map given) { asked << given + [type: 'boolean'] }

    // The rest of a pipeline, such as `stages`, is passed over.
    void methodMissing(String name, Object arguments) { }

    Object propertyMissing(String name) { name }

    void inside(Closure body) {
        body.delegate = this
        body.resolveStrategy = Closure.DELEGATE_FIRST
        body()
    }

}

File folder = new File(System.getenv('JENKINS_PIPELINES') ?: '/opt/jenkins/pipelines')

folder.listFiles().findAll { it.name.endsWith('.Jenkinsfile') }.sort { it.name }.each { File file ->
    String text = file.getText('UTF-8')
    Declared declared = new Declared()
    new GroovyShell(this.class.classLoader, new Binding(pipeline: { Closure body -> declared.inside(body) })).evaluate(text)

    pipelineJob(file.name - '.Jenkinsfile') {
        description(text.readLines().first() - '// ')
        disabled(file.name.startsWith('ci.') && !System.getenv('CI_REPOSITORY'))
        parameters {
            declared.asked.each { given ->
                if (given.type == 'string') { stringParam(given.name, given.defaultValue, given.description) }
                if (given.type == 'choice') { choiceParam(given.name, given.choices, given.description) }
                if (given.type == 'boolean') { booleanParam(given.name, given.defaultValue, given.description) }
            }
        }
        properties {
            disableConcurrentBuilds()
            pipelineTriggers {
                triggers {
                    if (declared.times.cron) { cron { spec(declared.times.cron) } }
                    if (declared.times.pollSCM) { pollSCM { scmpoll_spec(declared.times.pollSCM) } }
                }
            }
        }
        definition {
            cps {
                script(text)
                sandbox(true)
            }
        }
    }
}
