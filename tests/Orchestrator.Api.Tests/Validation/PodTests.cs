using Orchestrator.Api.Validation;

namespace Orchestrator.Api.Tests.Validation;

public sealed class PodTests
{
    private const string Updatable = "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
        + "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        + "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n";

    private const string Label = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
        + "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

    [Theory]
    [InlineData("spec.containers=[]", "spec.containers: Required value")]
    [InlineData("spec.containers[0].name=-", "spec.containers[0].name: Required value")]
    [InlineData("spec.containers[0].name='C'", "spec.containers[0].name: Invalid value: \"C\": " + Label)]
    [InlineData("spec.containers[0].image=-", "spec.containers[0].image: Required value")]
    [InlineData("spec.containers[0].image=' a'", "spec.containers[0].image: Invalid value: \" a\": must not have leading or trailing whitespace")]
    [InlineData("spec.containers[1]={'name':'c','image':'a'}", "spec.containers[1].name: Duplicate value: \"c\"")]
    [InlineData("spec.containers[0].imagePullPolicy='Often'", "spec.containers[0].imagePullPolicy: Unsupported value: \"Often\": supported values: \"Always\", \"IfNotPresent\", \"Never\"")]
    [InlineData("spec.containers[0].terminationMessagePolicy='x'", "spec.containers[0].terminationMessagePolicy: Unsupported value: \"x\": supported values: \"FallbackToLogsOnError\", \"File\"")]
    [InlineData("spec.containers[0].restartPolicy='Always'", "spec.containers[0].restartPolicy: Forbidden: may not be set for non-init containers")]
    [InlineData("spec.containers[0].ports[0].containerPort=-", "spec.containers[0].ports[0].containerPort: Required value")]
    [InlineData("spec.containers[0].ports[0].containerPort=70000", "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive")]
    [InlineData("spec.containers[0].ports[0].hostPort=-1", "spec.containers[0].ports[0].hostPort: Invalid value: -1: must be between 1 and 65535, inclusive")]
    [InlineData("spec.containers[0].ports[0].protocol='ICMP'", "spec.containers[0].ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"")]
    [InlineData("spec.containers[0].ports[0].name='1'", "spec.containers[0].ports[0].name: Invalid value: \"1\": must contain at least one letter (a-z)")]
    [InlineData("spec.containers[0].ports[1]={'containerPort':81,'name':'http'}", "spec.containers[0].ports[1].name: Duplicate value: \"http\"")]
    [InlineData("spec.containers[0].ports[0].hostPort=90; spec.containers[0].ports[1]={'containerPort':81,'hostPort':90}", "spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//90\"")]
    [InlineData("spec.containers[0].ports[0].hostPort=90; spec.hostNetwork=true", "spec.containers[0].ports[0].hostPort: Invalid value: 90: must match `containerPort` when `hostNetwork` is true")]
    [InlineData("spec.restartPolicy='Sometimes'", "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"Never\", \"OnFailure\"")]
    [InlineData("spec.dnsPolicy='Mine'", "spec.dnsPolicy: Unsupported value: \"Mine\": supported values: \"ClusterFirst\", \"ClusterFirstWithHostNet\", \"Default\", \"None\"")]
    [InlineData("spec.dnsPolicy='None'", "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None")]
    [InlineData("spec.dnsPolicy='None'; spec.dnsConfig={}", "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None")]
    [InlineData("spec.dnsConfig.nameservers=['a']", "spec.dnsConfig.nameservers[0]: Invalid value: \"a\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    [InlineData("spec.dnsConfig.nameservers=['1.1.1.1','1.1.1.2','1.1.1.3','1.1.1.4']", "spec.dnsConfig.nameservers: Invalid value: []string{\"1.1.1.1\", \"1.1.1.2\", \"1.1.1.3\", \"1.1.1.4\"}: must not have more than 3 nameservers")]
    [InlineData("spec.dnsConfig.searches=['a_b.c','.','x.']", "")]
    [InlineData("spec.activeDeadlineSeconds=0", "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive")]
    [InlineData("spec.hostname='a.b'", "spec.hostname: Invalid value: \"a.b\": must not contain dots")]
    [InlineData("spec.hostAliases=[{'ip':'x','hostnames':['a']}]", "spec.hostAliases[0].ip: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    [InlineData("spec.schedulingGates=[{'name':'a'},{'name':'a'}]", "spec.schedulingGates[1]: Duplicate value: \"a\"")]
    [InlineData("spec.schedulingGates=[{'name':'a'}]; spec.nodeName='n'", "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared")]
    [InlineData("spec.ephemeralContainers=[{'name':'e','image':'a'}]", "spec.ephemeralContainers: Forbidden: cannot be set on create")]
    [InlineData("spec.preemptionPolicy='Maybe'", "spec.preemptionPolicy: Unsupported value: \"Maybe\": supported values: \"Never\", \"PreemptLowerPriority\"")]
    [InlineData("spec.os.name='plan9'", "spec.os: Unsupported value: \"plan9\": supported values: \"linux\", \"windows\"")]
    [InlineData("spec.os.name='windows'; spec.hostPID=true", "spec.hostPID: Forbidden: cannot be set for a windows pod")]
    [InlineData("spec.hostUsers=false; spec.hostPID=true", "spec.HostPID: Forbidden: when `pod.Spec.HostUsers` is false")]
    [InlineData("spec.nodeSelector={'a':'b c'}", "spec.nodeSelector: Invalid value: \"b c\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")]
    [InlineData("metadata.annotations={'controller.kubernetes.io/pod-deletion-cost':'x'}", "metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: \"x\": must be a 32bit integer")]
    [InlineData("spec.resources.requests={'cpu':'1'}; spec.containers[0].resources.requests={'cpu':'2'}", "spec.resources.requests[cpu]: Invalid value: \"1\": must be greater than or equal to aggregate container requests of 2")]
    public void A_pods_spec_follows_its_rules(string changes, string expected) => Assert.Equal(expected, Examples.Faults("Pod", changes));

    [Theory]
    [InlineData("{'name':'A=B','value':'1'}", "name: Invalid value: \"A=B\": a valid environment variable name must consist only of printable ASCII characters other than '='")]
    [InlineData("{'value':'1'}", "name: Required value")]
    [InlineData("{'name':'1.a-b','value':'1'}", "")]
    [InlineData("{'name':'A','valueFrom':{}}", "valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`")]
    [InlineData("{'name':'A','value':'1','valueFrom':{'fieldRef':{'fieldPath':'metadata.name'}}}", "valueFrom: Invalid value: \"\": may not be specified when `value` is not empty")]
    [InlineData("{'name':'A','valueFrom':{'fieldRef':{'fieldPath':'metadata.name'},'secretKeyRef':{'name':'a','key':'b'}}}", "valueFrom: Invalid value: \"\": may not have more than one field specified at a time")]
    [InlineData("{'name':'A','valueFrom':{'fieldRef':{'fieldPath':'status.phase'}}}", "valueFrom.fieldRef.fieldPath: Unsupported value: \"status.phase\": supported values: \"metadata.name\", \"metadata.namespace\", \"metadata.uid\", \"spec.nodeName\", \"spec.serviceAccountName\", \"status.hostIP\", \"status.hostIPs\", \"status.podIP\", \"status.podIPs\"")]
    [InlineData("{'name':'A','valueFrom':{'fieldRef':{'fieldPath':'spec.magic'}}}", "valueFrom.fieldRef.fieldPath: Invalid value: \"spec.magic\": error converting fieldPath: field label not supported: spec.magic")]
    [InlineData("{'name':'A','valueFrom':{'fieldRef':{'fieldPath':'metadata.labels[\\u0027app\\u0027]'}}}", "")]
    [InlineData("{'name':'A','valueFrom':{'resourceFieldRef':{'resource':'limits.gpu'}}}", "valueFrom.resourceFieldRef.resource: Unsupported value: \"limits.gpu\": supported values: \"limits.cpu\", \"limits.ephemeral-storage\", \"limits.memory\", \"requests.cpu\", \"requests.ephemeral-storage\", \"requests.memory\"")]
    [InlineData("{'name':'A','valueFrom':{'resourceFieldRef':{'resource':'limits.cpu','divisor':'2'}}}", "valueFrom.resourceFieldRef.divisor: Invalid value: \"limits.cpu\": only divisor's values 1m and 1 are supported with the cpu resource")]
    [InlineData("{'name':'A','valueFrom':{'configMapKeyRef':{'name':'a','key':'..b'}}}", "valueFrom.configMapKeyRef.key: Invalid value: \"..b\": must not start with '..'")]
    public void Environment_variables_follow_their_rules(string variable, string expected) => Assert.Equal(
        expected.Length == 0 ? "" : "spec.containers[0].env[0]." + expected, Examples.Faults("Pod", $"spec.containers[0].env=[{variable}]"));

    [Theory]
    [InlineData("[{'prefix':'A='}]", "spec.containers[0].envFrom[0].prefix: Invalid value: \"A=\": a valid environment variable name must consist only of printable ASCII characters other than '='\nspec.containers[0].envFrom: Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`")]
    [InlineData("[{'configMapRef':{'name':'a'},'secretRef':{'name':'b'}}]", "spec.containers[0].envFrom: Invalid value: \"\": may not have more than one field specified at a time")]
    [InlineData("[{'configMapRef':{}}]", "spec.containers[0].envFrom[0].configMapRef.name: Required value")]
    public void Sources_of_variables_follow_their_rules(string sources, string expected) =>
        Assert.Equal(expected, Examples.Faults("Pod", $"spec.containers[0].envFrom={sources}"));

    [Theory]
    [InlineData("limits={'cpu':'-1'}", "limits[cpu]: Invalid value: \"-1\": must be greater than or equal to 0\nspec.containers[0].resources.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0")]
    [InlineData("requests={'cpu':'2'}; spec.containers[0].resources.limits={'cpu':'1'}", "requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1")]
    [InlineData("requests={'gpu':'1'}", "requests[gpu]: Invalid value: \"gpu\": must be a standard resource type or fully qualified\nspec.containers[0].resources.requests[gpu]: Invalid value: \"gpu\": must be a standard resource for containers")]
    [InlineData("requests={'pods':'1'}", "requests[pods]: Invalid value: \"pods\": must be a standard resource for containers")]
    [InlineData("requests={'example.com/gpu':'1'}", "limits: Required value: Limit must be set for non overcommitable resources")]
    [InlineData("limits={'example.com/gpu':'1'}", "")]
    [InlineData("limits={'example.com/gpu':'500m'}", "limits[example.com/gpu]: Invalid value: \"500m\": must be an integer\nspec.containers[0].resources.requests[example.com/gpu]: Invalid value: \"500m\": must be an integer")]
    [InlineData("limits={'hugepages-2Mi':'4Mi'}", "HugePages require cpu or memory")]
    [InlineData("claims=[{'name':'a'}]", "claims[0]: Not found: \"a\": must be one of the names in pod.spec.resourceClaims which is empty")]
    public void Resources_follow_their_rules(string changes, string expected)
    {
        string faults = Examples.Faults("Pod", "spec.containers[0].resources." + changes);

        Assert.Equal(expected switch
        {
            "" => "",
            "HugePages require cpu or memory" => "spec.containers[0].resources: Forbidden: " + expected,
            _ => "spec.containers[0].resources." + expected,
        }, faults);
    }

    [Theory]
    [InlineData("{'name':'v'}", "[{'name':'v','mountPath':'/a'}]", "")]
    [InlineData("{'name':'v'}", "[{'name':'w','mountPath':'/a'}]", "spec.containers[0].volumeMounts[0].name: Not found: \"w\"")]
    [InlineData("{'name':'v'}", "[{'name':'v'}]", "spec.containers[0].volumeMounts[0].mountPath: Required value")]
    [InlineData("{'name':'v'}", "[{'name':'v','mountPath':'/a'},{'name':'v','mountPath':'/a'}]", "spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique")]
    [InlineData("{'name':'v'}", "[{'name':'v','mountPath':'/a','subPath':'../b'}]", "spec.containers[0].volumeMounts.subPath: Invalid value: \"../b\": must not contain '..'")]
    [InlineData("{'name':'v'}", "[{'name':'v','mountPath':'/a','subPath':'/b'}]", "spec.containers[0].volumeMounts.subPath: Invalid value: \"/b\": must be a relative path")]
    [InlineData("{'name':'v'}", "[{'name':'v','mountPath':'/a','mountPropagation':'Bidirectional'}]", "spec.containers[0].volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers")]
    [InlineData("{'name':'v'}", "[{'name':'v','mountPath':'/a','recursiveReadOnly':'Enabled'}]", "spec.containers[0].volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true")]
    [InlineData("{'name':'V'}", "[]", "spec.volumes[0].name: Invalid value: \"V\": " + Label)]
    [InlineData("{'name':'v','emptyDir':{},'hostPath':{'path':'/x'}}", "[]", "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type")]
    [InlineData("{'name':'v','hostPath':{}}", "[]", "spec.volumes[0].hostPath.path: Required value")]
    [InlineData("{'name':'v','hostPath':{'path':'/a/../b'}}", "[]", "spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'")]
    [InlineData("{'name':'v','hostPath':{'path':'/a','type':'x'}}", "[]", "spec.volumes[0].hostPath.type: Unsupported value: \"x\": supported values: \"\", \"BlockDevice\", \"CharDevice\", \"Directory\", \"DirectoryOrCreate\", \"File\", \"FileOrCreate\", \"Socket\"")]
    [InlineData("{'name':'v','secret':{}}", "[]", "spec.volumes[0].secret.secretName: Required value")]
    [InlineData("{'name':'v','secret':{'secretName':'s','defaultMode':512}}", "[]", "spec.volumes[0].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive")]
    [InlineData("{'name':'v','configMap':{'name':'m','items':[{'key':'a','path':'../b'}]}}", "[]", "spec.volumes[0].configMap.items[0].path: Invalid value: \"../b\": must not contain '..'")]
    [InlineData("{'name':'v','configMap':{'name':'m','items':[{'key':'','path':''}]}}", "[]", "spec.volumes[0].configMap.items[0].key: Required value\nspec.volumes[0].configMap.items[0].path: Required value")]
    [InlineData("{'name':'v','persistentVolumeClaim':{}}", "[]", "spec.volumes[0].persistentVolumeClaim.claimName: Required value")]
    [InlineData("{'name':'v','nfs':{'server':'s','path':'a'}}", "[]", "spec.volumes[0].nfs.path: Invalid value: \"a\": must be an absolute path")]
    [InlineData("{'name':'v','downwardAPI':{'items':[{'path':'a'}]}}", "[]", "spec.volumes[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required")]
    [InlineData("{'name':'v','projected':{'sources':[{'serviceAccountToken':{'path':'t','expirationSeconds':5}}]}}", "[]",
        "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes\nspec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set")]
    [InlineData("{'name':'v','projected':{'sources':[{'secret':{'name':'a','items':[{'key':'k','path':'p'}]}},{'configMap':{'name':'b','items':[{'key':'k','path':'p'}]}}]}}", "[]", "spec.volumes[0].projected: Invalid value: \"b\": conflicting duplicate paths")]
    [InlineData("{'name':'v','csi':{'driver':''}}", "[]", "spec.volumes[0].csi.driver: Required value\nspec.volumes[0].csi.driver: Invalid value: \"\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")]
    [InlineData("{'name':'v','ephemeral':{}}", "[]", "spec.volumes[0].ephemeral.volumeClaimTemplate: Required value")]
    public void Volumes_and_mounts_follow_their_rules(string volume, string mounts, string expected) => Assert.Equal(
        expected, Examples.Faults("Pod", $"spec.volumes=[{volume}]; spec.containers[0].volumeMounts={mounts}"));

    [Theory]
    [InlineData("livenessProbe={}", "livenessProbe: Required value: must specify a handler type")]
    [InlineData("livenessProbe={'exec':{}}", "livenessProbe.exec.command: Required value")]
    [InlineData("livenessProbe={'exec':{'command':['a']},'tcpSocket':{'port':1}}", "livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type")]
    [InlineData("livenessProbe={'httpGet':{'port':0}}", "livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive")]
    [InlineData("livenessProbe={'httpGet':{'port':'HTTP'}}", "livenessProbe.httpGet.port: Invalid value: \"HTTP\": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)\nspec.containers[0].livenessProbe.httpGet.port: Invalid value: \"HTTP\": must contain at least one letter (a-z)")]
    [InlineData("livenessProbe={'httpGet':{'port':1,'scheme':'FTP'}}", "livenessProbe.httpGet.scheme: Unsupported value: \"FTP\": supported values: \"HTTP\", \"HTTPS\"")]
    [InlineData("livenessProbe={'exec':{'command':['a']},'successThreshold':2}", "livenessProbe.successThreshold: Invalid value: 2: must be 1")]
    [InlineData("readinessProbe={'exec':{'command':['a']},'successThreshold':2}", "")]
    [InlineData("readinessProbe={'exec':{'command':['a']},'periodSeconds':-1}", "readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("readinessProbe={'exec':{'command':['a']},'terminationGracePeriodSeconds':3}", "readinessProbe.terminationGracePeriodSeconds: Invalid value: 3: must not be set for readinessProbes")]
    [InlineData("startupProbe={'grpc':{'port':0}}", "startupProbe.grpc.port: Invalid value: 0: must be between 1 and 65535, inclusive")]
    [InlineData("lifecycle={'preStop':{'sleep':{'seconds':31}}}", "lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)")]
    [InlineData("lifecycle={'postStart':{}}", "lifecycle.postStart: Required value: must specify a handler type")]
    public void Probes_and_hooks_follow_their_rules(string changes, string expected) => Assert.Equal(
        expected.Length == 0 ? "" : "spec.containers[0]." + expected, Examples.Faults("Pod", "spec.containers[0]." + changes));

    [Theory]
    [InlineData("{'name':'i','image':'a','livenessProbe':{'exec':{'command':['a']}}}", "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always")]
    [InlineData("{'name':'i','image':'a','restartPolicy':'Always','livenessProbe':{'exec':{'command':['a']}}}", "")]
    [InlineData("{'name':'i','image':'a','restartPolicy':'Never'}", "spec.initContainers[0].restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"")]
    [InlineData("{'name':'c','image':'a'}", "spec.initContainers[0].name: Duplicate value: \"c\"")]
    public void Init_containers_follow_their_rules(string container, string expected) =>
        Assert.Equal(expected, Examples.Faults("Pod", $"spec.initContainers=[{container}]"));

    [Theory]
    [InlineData("spec.tolerations=[{'operator':'Equal'}]", "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which means \"match all values and all keys\"")]
    [InlineData("spec.tolerations=[{'key':'a','operator':'Exists','value':'b'}]", "spec.tolerations[0].operator: Invalid value: \"b\": value must be empty when `operator` is 'Exists'")]
    [InlineData("spec.tolerations=[{'key':'a','operator':'In'}]", "spec.tolerations[0].operator: Unsupported value: \"In\": supported values: \"Equal\", \"Exists\"")]
    [InlineData("spec.tolerations=[{'key':'a','effect':'NoSchedule','tolerationSeconds':5}]", "spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set")]
    [InlineData("spec.tolerations=[{'key':'a','effect':'Never'}]", "spec.tolerations[0].effect: Unsupported value: \"Never\": supported values: \"NoExecute\", \"NoSchedule\", \"PreferNoSchedule\"")]
    [InlineData("spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution={}", "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term")]
    [InlineData("spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms=[{'matchExpressions':[{'key':'a','operator':'In'}]}]", "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'")]
    [InlineData("spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution=[{'weight':101,'preference':{}}]", "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100")]
    [InlineData("spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution=[{'topologyKey':'z','matchLabelKeys':['a']}]", "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set")]
    [InlineData("spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution=[{'topologyKey':'z','labelSelector':{'matchExpressions':[{'key':'a','operator':'Has'}]}}]", "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions[0].operator: Invalid value: \"Has\": not a valid selector operator")]
    [InlineData("spec.topologySpreadConstraints=[{'maxSkew':0,'topologyKey':'z','whenUnsatisfiable':'DoNotSchedule'}]", "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero")]
    [InlineData("spec.topologySpreadConstraints=[{'maxSkew':1,'topologyKey':'z','whenUnsatisfiable':'Maybe'}]", "spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: \"Maybe\": supported values: \"DoNotSchedule\", \"ScheduleAnyway\"")]
    [InlineData("spec.topologySpreadConstraints=[{'maxSkew':1,'topologyKey':'z','whenUnsatisfiable':'DoNotSchedule'},{'maxSkew':2,'topologyKey':'z','whenUnsatisfiable':'DoNotSchedule'}]", "spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: \"{z, DoNotSchedule}\"")]
    [InlineData("spec.topologySpreadConstraints=[{'maxSkew':1,'topologyKey':'z','whenUnsatisfiable':'ScheduleAnyway','minDomains':2}]", "spec.topologySpreadConstraints[0].minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway")]
    public void Placement_follows_its_rules(string changes, string expected) => Assert.Equal(expected, Examples.Faults("Pod", changes));

    [Theory]
    [InlineData("spec.securityContext.runAsUser=-1", "spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive")]
    [InlineData("spec.securityContext.supplementalGroups=[-5]", "spec.securityContext.supplementalGroups[0]: Invalid value: -5: must be between 0 and 2147483647, inclusive")]
    [InlineData("spec.securityContext.sysctls=[{'name':'A'}]", "spec.securityContext.sysctls[0].name: Invalid value: \"A\": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$")]
    [InlineData("spec.securityContext.sysctls=[{'name':'net.core.somaxconn','value':'1'}]; spec.hostNetwork=true", "spec.securityContext.sysctls[0].name: Invalid value: \"net.core.somaxconn\": may not be specified when 'hostNetwork' is true")]
    [InlineData("spec.securityContext.seccompProfile={'type':'Localhost'}", "spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost")]
    [InlineData("spec.securityContext.seccompProfile={'type':'Some'}", "spec.securityContext.seccompProfile.type: Unsupported value: \"Some\": supported values: \"Localhost\", \"RuntimeDefault\", \"Unconfined\"")]
    [InlineData("spec.securityContext.fsGroupChangePolicy='x'", "spec.securityContext.fsGroupChangePolicy: Unsupported value: \"x\": supported values: \"Always\", \"OnRootMismatch\"")]
    [InlineData("spec.containers[0].securityContext={'privileged':true,'allowPrivilegeEscalation':false}", "spec.containers[0].securityContext: Invalid value: {\"allowPrivilegeEscalation\":false,\"privileged\":true}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true")]
    [InlineData("spec.containers[0].securityContext.procMount='Unmasked'", "spec.containers[0].securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false to use `Unmasked`")]
    [InlineData("spec.containers[0].securityContext.appArmorProfile={'type':'Localhost'}", "spec.containers[0].securityContext.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost")]
    [InlineData("spec.shareProcessNamespace=true; spec.hostPID=true", "spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled")]
    public void Rights_follow_their_rules(string changes, string expected) => Assert.Equal(expected, Examples.Faults("Pod", changes));

    [Theory]
    [InlineData("", "spec.containers[0].image='nginx:2'", "")]
    [InlineData("", "spec.activeDeadlineSeconds=5", "")]
    [InlineData("spec.activeDeadlineSeconds=5", "spec.activeDeadlineSeconds=6", "spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value")]
    [InlineData("spec.activeDeadlineSeconds=5", "spec.activeDeadlineSeconds=4", "")]
    [InlineData("spec.activeDeadlineSeconds=5", "", "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value")]
    [InlineData("", "spec.tolerations=[{'key':'a','operator':'Exists'}]", "")]
    [InlineData("spec.tolerations=[{'key':'a','operator':'Exists'}]", "", "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds")]
    [InlineData("spec.tolerations=[{'key':'a','operator':'Exists','effect':'NoExecute','tolerationSeconds':5}]", "spec.tolerations=[{'key':'a','operator':'Exists','effect':'NoExecute','tolerationSeconds':9}]", "")]
    [InlineData("", "spec.containers[1]={'name':'d','image':'a'}", "spec.containers: Forbidden: pod updates may not add or remove containers")]
    [InlineData("", "spec.nodeName='n'", Updatable + "+  nodeName: \"n\"\n")]
    [InlineData("", "spec.containers[0].command=['a']", Updatable + "+  containers[0].command: [\"a\"]\n")]
    [InlineData("spec.terminationGracePeriodSeconds=-1", "spec.terminationGracePeriodSeconds=1", "")]
    [InlineData("", "spec.terminationGracePeriodSeconds=1", Updatable + "-  terminationGracePeriodSeconds: 30\n+  terminationGracePeriodSeconds: 1\n")]
    [InlineData("", "spec.ephemeralContainers=[{'name':'e','image':'a'}]", Updatable, true)]
    [InlineData("spec.schedulingGates=[{'name':'a'}]", "spec.nodeSelector={'a':'b'}", "")]
    [InlineData("spec.schedulingGates=[{'name':'a'}]", "spec.schedulingGates=[{'name':'b'}]", "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'b'")]
    [InlineData("spec.schedulingGates=[{'name':'a'}]; spec.nodeSelector={'a':'b'}", "spec.nodeSelector={'a':'c'}", "spec.nodeSelector: Invalid value: map[string]string{\"a\":\"c\"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)")]
    [InlineData("spec.schedulingGates=[{'name':'a'}]", "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms=[{'matchExpressions':[{'key':'a','operator':'Exists'}]}]", "")]
    [InlineData("", "spec.nodeSelector={'a':'b'}", Updatable + "+  nodeSelector: {\"a\":\"b\"}\n")]
    public void Of_a_pods_spec_little_changes(string before, string after, string expected, bool isStart = false)
    {
        const string SamePolicy = ";spec.containers[0].imagePullPolicy='Always'";
        string faults = Examples.Text(Validator.ValidateUpdate(
            Examples.Of("Pod", after + SamePolicy),
            Examples.Of("Pod", before + SamePolicy)));

        if (isStart)
            Assert.StartsWith(expected, faults);
        else
            Assert.Equal(expected, faults);
    }

    [Theory]
    [InlineData("spec.restartPolicy='Never'; status.containerStatuses=[{'name':'c','state':{'terminated':{'exitCode':1}}}]", "spec.restartPolicy='Never'; status.containerStatuses=[{'name':'c','state':{'running':{}}}]", "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state")]
    [InlineData("spec.restartPolicy='OnFailure'; status.containerStatuses=[{'name':'c','state':{'terminated':{'exitCode':1}}}]", "spec.restartPolicy='OnFailure'; status.containerStatuses=[{'name':'c','state':{'running':{}}}]", "")]
    [InlineData("status.containerStatuses=[{'name':'c','state':{'terminated':{'exitCode':0}}}]", "status.containerStatuses=[{'name':'c','state':{'running':{}}}]", "")]
    [InlineData("status.qosClass='BestEffort'", "status.qosClass='Guaranteed'", "status.qosClass: Invalid value: \"Guaranteed\": field is immutable")]
    [InlineData("", "status.podIPs=[{'ip':'x'}]", "status.podIPs[0]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    [InlineData("", "status.podIPs=[{'ip':'10.0.0.1'},{'ip':'10.0.0.2'}]", "status.podIPs: Invalid value: []string{\"10.0.0.1\", \"10.0.0.2\"}: may specify no more than one IP for each IP family")]
    [InlineData("", "status.podIPs=[{'ip':'10.0.0.1'},{'ip':'fd00::1'}]", "")]
    public void A_pods_status_follows_its_rules(string before, string after, string expected) => Assert.Equal(
        expected, Examples.Text(Validator.ValidateStatusUpdate(Examples.Of("Pod", after), Examples.Of("Pod", before))));

    [Theory]
    [InlineData("", "spec.ephemeralContainers=[{'name':'e','image':'a'}]", "")]
    [InlineData("", "spec.ephemeralContainers=[{'name':'c','image':'a'}]", "spec.ephemeralContainers[0].name: Duplicate value: \"c\"")]
    [InlineData("", "spec.ephemeralContainers=[{'name':'e','image':'a','targetContainerName':'z'}]", "spec.ephemeralContainers[0].targetContainerName: Not found: \"z\"")]
    [InlineData("", "spec.ephemeralContainers=[{'name':'e','image':'a','ports':[{'containerPort':1}]}]", "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container")]
    [InlineData("", "spec.ephemeralContainers=[{'name':'e','image':'a','resources':{'limits':{'cpu':'1'}}}]", "spec.ephemeralContainers[0].resources: Forbidden: cannot be set for an Ephemeral Container")]
    [InlineData("spec.ephemeralContainers=[{'name':'e','image':'a'}]", "", "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"e\" may not be removed\n")]
    [InlineData("spec.ephemeralContainers=[{'name':'e','image':'a:1'}]", "spec.ephemeralContainers=[{'name':'e','image':'a:2'}]", "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"e\" may not be changed\n-  image: \"a:1\"\n+  image: \"a:2\"\n")]
    public void Ephemeral_containers_are_only_added(string before, string after, string expected) => Assert.Equal(
        expected, Examples.Text(Validator.ValidateSubresourceUpdate("ephemeralcontainers", Examples.Of("Pod", after), Examples.Of("Pod", before))));

    [Theory]
    [InlineData("spec.containers[0].resources.requests={'cpu':'1'}", "spec.containers[0].resources.requests={'cpu':'2'}", "")]
    [InlineData("spec.containers[0].resources.requests={'cpu':'1','memory':'1Gi'}", "spec.containers[0].resources.requests={'cpu':'2'}", "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed")]
    [InlineData("spec.containers[0].resources.limits={'memory':'2Gi'}", "spec.containers[0].resources.limits={'memory':'1Gi'}", "spec.containers[0].resources.limits[memory]: Forbidden: memory limits cannot be decreased unless resizePolicy is RestartContainer")]
    public void A_resize_follows_its_rules(string before, string after, string expected) => Assert.Equal(
        expected, Examples.Text(Validator.ValidateSubresourceUpdate("resize", Examples.Of("Pod", after), Examples.Of("Pod", before))));

    [Theory]
    [InlineData("target.kind='Pod'", "target.kind: Unsupported value: \"Pod\": supported values: \"<empty>\", \"Node\"")]
    [InlineData("target.name=-", "target.name: Required value")]
    public void A_binding_names_a_node(string changes, string expected) => Assert.Equal(expected, Examples.Faults("Binding", changes));
}
