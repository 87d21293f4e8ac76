using Orchestrator.Api.Validation;

namespace Orchestrator.Api.Tests.Validation;

public sealed class WorkloadTests
{
    private const string Web = "v1.LabelSelector{MatchLabels:map[string]string{\"app\":\"db\"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}";

    [Theory]
    [InlineData("Deployment", "spec.replicas=-1", "spec.replicas: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("Deployment", "spec.selector=-", "spec.selector: Required value\nspec.template.metadata.labels: Invalid value: map[string]string{\"app\":\"web\"}: `selector` does not match template `labels`")]
    [InlineData("Deployment", "spec.selector={}", "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string(nil), MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: empty selector is invalid for deployment")]
    [InlineData("Deployment", "spec.template.metadata.labels={'app':'db'}", "spec.template.metadata.labels: Invalid value: map[string]string{\"app\":\"db\"}: `selector` does not match template `labels`")]
    [InlineData("Deployment", "spec.template.spec.restartPolicy='Never'", "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"")]
    [InlineData("Deployment", "spec.template.spec.activeDeadlineSeconds=5", "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported")]
    [InlineData("Deployment", "spec.template.spec.containers[0].image=-", "spec.template.spec.containers[0].image: Required value")]
    [InlineData("Deployment", "spec.template.spec.ephemeralContainers=[{'name':'e','image':'a'}]", "spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template")]
    [InlineData("Deployment", "spec.strategy={'type':'Recreate','rollingUpdate':{}}", "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'")]
    [InlineData("Deployment", "spec.strategy={'type':'Sudden'}", "spec.strategy: Unsupported value: apps.DeploymentStrategy{Type:\"Sudden\", RollingUpdate:(*apps.RollingUpdateDeployment)(nil)}: supported values: \"Recreate\", \"RollingUpdate\"")]
    [InlineData("Deployment", "spec.strategy.rollingUpdate={'maxSurge':0,'maxUnavailable':0}", "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: intstr.IntOrString{Type:0, IntVal:0, StrVal:\"\"}: may not be 0 when `maxSurge` is 0")]
    [InlineData("Deployment", "spec.strategy.rollingUpdate={'maxSurge':'x'}", "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"x\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')")]
    [InlineData("Deployment", "spec.strategy.rollingUpdate={'maxUnavailable':'101%'}", "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%")]
    [InlineData("Deployment", "spec.progressDeadlineSeconds=5; spec.minReadySeconds=5", "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds")]
    [InlineData("Deployment", "spec.revisionHistoryLimit=-1", "spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("Deployment", "spec.selector.matchExpressions=[{'key':'app','operator':'In'}]", "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'")]
    [InlineData("ReplicaSet", "spec.selector.matchLabels={'app':'db'}", "spec.template.metadata.labels: Invalid value: map[string]string{\"app\":\"web\"}: `selector` does not match template `labels`")]
    [InlineData("ReplicationController", "spec.selector={'app':'db'}", "spec.template.metadata.labels: Invalid value: map[string]string{\"app\":\"web\"}: `selector` does not match template `labels`")]
    [InlineData("DaemonSet", "spec.selector={}", "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string(nil), MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: empty selector is invalid for daemonset")]
    [InlineData("DaemonSet", "spec.updateStrategy={'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':0,'maxSurge':0}}", "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0")]
    [InlineData("DaemonSet", "spec.updateStrategy={'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':1,'maxSurge':1}}", "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: intstr.IntOrString{Type:0, IntVal:1, StrVal:\"\"}: may not be set when maxUnavailable is non-zero")]
    [InlineData("StatefulSet", "spec.podManagementPolicy='Wild'", "spec.podManagementPolicy: Invalid value: \"Wild\": must be 'OrderedReady' or 'Parallel'")]
    [InlineData("StatefulSet", "spec.updateStrategy={'type':'OnDelete','rollingUpdate':{'partition':1}}", "spec.updateStrategy.rollingUpdate: Invalid value: {\"partition\":1}: only allowed for updateStrategy 'RollingUpdate'")]
    [InlineData("StatefulSet", "spec.persistentVolumeClaimRetentionPolicy={'whenDeleted':'Maybe'}", "spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: \"Maybe\": supported values: \"Delete\", \"Retain\"")]
    [InlineData("StatefulSet", "spec.volumeClaimTemplates=[{'metadata':{'name':'data'},'spec':{}}]; spec.template.spec.containers[0].volumeMounts=[{'name':'data','mountPath':'/d'}]", "")]
    [InlineData("StatefulSet", "spec.ordinals={'start':-1}", "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("ControllerRevision", "data=-", "data: Required value: data is mandatory")]
    public void A_workload_follows_its_rules(string kind, string changes, string expected) => Assert.Equal(expected, Examples.Faults(kind, changes));

    [Theory]
    [InlineData("Deployment", "spec.selector.matchLabels={'app':'db'}; spec.template.metadata.labels={'app':'db'}", "spec.selector: Invalid value: " + Web + ": field is immutable")]
    [InlineData("ReplicaSet", "spec.selector.matchLabels={'app':'db'}; spec.template.metadata.labels={'app':'db'}", "spec.selector: Invalid value: " + Web + ": field is immutable")]
    [InlineData("DaemonSet", "spec.selector.matchLabels={'app':'db'}; spec.template.metadata.labels={'app':'db'}", "spec.selector: Invalid value: " + Web + ": field is immutable")]
    [InlineData("Deployment", "spec.replicas=5; spec.template.spec.containers[0].image='b'", "")]
    [InlineData("StatefulSet", "spec.replicas=5; spec.template.spec.containers[0].image='b'; spec.minReadySeconds=3; spec.revisionHistoryLimit=3", "")]
    [InlineData("StatefulSet", "spec.serviceName='other'", "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden")]
    [InlineData("ControllerRevision", "data={'b':2}", "data: Invalid value: {\"b\":2}: field is immutable")]
    public void What_a_workload_was_made_for_does_not_change(string kind, string changes, string expected) => Assert.Equal(
        expected, Examples.Text(Validator.ValidateUpdate(Examples.Of(kind, changes), Examples.Of(kind))));

    [Fact]
    public void The_same_data_with_other_blanks_is_no_change()
    {
        var stored = KubernetesJson.Deserialize<AppsV1.ControllerRevision>("""{"metadata":{"name":"x","namespace":"y"},"data":{"a":[1,2]},"revision":1}"""u8);
        var sent = KubernetesJson.Deserialize<AppsV1.ControllerRevision>("""{"metadata":{"name":"x","namespace":"y"},"data":{ "a": [1, 2] },"revision":2}"""u8);

        Assert.DoesNotContain(Validator.ValidateUpdate(sent, stored), fault => fault.Field == "data");
    }

    [Theory]
    [InlineData("Deployment", "status={'replicas':1,'readyReplicas':2}", "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas")]
    [InlineData("Deployment", "status={'replicas':2,'readyReplicas':1,'availableReplicas':2}", "status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas")]
    [InlineData("ReplicaSet", "status={'replicas':-1}", "status.replicas: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("StatefulSet", "status={'replicas':1,'currentReplicas':2}", "status.currentReplicas: Invalid value: 2: cannot be greater than status.replicas")]
    [InlineData("DaemonSet", "status={'numberReady':-1}", "status.numberReady: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("Job", "status={'active':-1}", "status.active: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("Job", "status={'conditions':[{'type':'Complete','status':'True'}]}", "status.completionTime: Required value: completionTime is required for Complete jobs")]
    public void A_status_counts_soundly(string kind, string changes, string expected) => Assert.Equal(
        expected, Examples.Text(Validator.ValidateStatusUpdate(Examples.Of(kind, changes), Examples.Of(kind))));

    [Fact]
    public void Collisions_are_never_uncounted() => Assert.Equal(
        "status.collisionCount: Invalid value: 1: cannot be decremented",
        Examples.Text(Validator.ValidateStatusUpdate(
            Examples.Of("Deployment", "status.collisionCount=1"), Examples.Of("Deployment", "status.collisionCount=2"))));

    [Theory]
    [InlineData("spec.completions=-1", "spec.completions: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("spec.backoffLimit=-1", "spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("spec.template.spec.restartPolicy='Always'", "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"")]
    [InlineData("spec.completionMode='Indexed'; spec.completions=-; spec.parallelism=2", "spec.completions: Required value: when completion mode is Indexed")]
    [InlineData("spec.completionMode='Odd'", "spec.completionMode: Unsupported value: \"Odd\": supported values: \"Indexed\", \"NonIndexed\"")]
    [InlineData("spec.backoffLimitPerIndex=1", "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode")]
    [InlineData("spec.completionMode='Indexed'; spec.completions=2; spec.maxFailedIndexes=1", "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified")]
    [InlineData("spec.selector=-", "spec.selector: Required value\nspec.template.metadata.labels: Invalid value: map[string]string{\"batch.kubernetes.io/controller-uid\":\"u-1\", \"batch.kubernetes.io/job-name\":\"x\", \"controller-uid\":\"u-1\", \"job-name\":\"x\"}: `selector` does not match template `labels`")]
    [InlineData("spec.podReplacementPolicy='Never'", "spec.podReplacementPolicy: Unsupported value: \"Never\": supported values: \"Failed\", \"TerminatingOrFailed\"")]
    [InlineData("spec.managedBy='me'", "spec.managedBy: Invalid value: \"me\": must be a domain-prefixed path (such as \"acme.io/foo\")")]
    [InlineData("spec.podFailurePolicy.rules=[{'action':'Ignore'}]", "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required")]
    [InlineData("spec.podFailurePolicy.rules=[{'action':'FailIndex','onExitCodes':{'operator':'In','values':[1]}}]", "spec.podFailurePolicy.rules[0].action: Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be set")]
    [InlineData("spec.podFailurePolicy.rules=[{'action':'FailJob','onExitCodes':{'operator':'In','values':[0]}}]", "spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator")]
    [InlineData("spec.podFailurePolicy.rules=[{'action':'FailJob','onExitCodes':{'operator':'In','values':[3,2]}}]", "spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: []int32{3, 2}: must be ordered")]
    [InlineData("spec.podFailurePolicy.rules=[{'action':'FailJob','onExitCodes':{'operator':'In','values':[3],'containerName':'z'}}]", "spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: \"z\": must be one of the container or initContainer names in the pod template")]
    [InlineData("spec.successPolicy.rules=[{'succeededCount':1}]", "spec.successPolicy: Invalid value: {\"rules\":[{\"succeededCount\":1}]}: requires indexed completion mode")]
    [InlineData("spec.template.metadata.labels=-", "spec.template.metadata.labels[controller-uid]: Required value: must be 'u-1'\nspec.template.metadata.labels[job-name]: Required value: must be 'x'\nspec.template.metadata.labels[batch.kubernetes.io/controller-uid]: Required value: must be 'u-1'\nspec.template.metadata.labels[batch.kubernetes.io/job-name]: Required value: must be 'x'\nspec.template.metadata.labels: Invalid value: map[string]string(nil): `selector` does not match template `labels`")]
    [InlineData("spec.completionMode='Indexed'; spec.completions=2; spec.backoffLimitPerIndex=1; spec.maxFailedIndexes=3", "spec.maxFailedIndexes: Invalid value: 3: must be less than or equal to completions")]
    [InlineData("spec.completionMode='Indexed'; spec.completions=200000; spec.backoffLimitPerIndex=1", "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000")]
    [InlineData("spec.completionMode='Indexed'; spec.completions=200000; spec.backoffLimitPerIndex=1; spec.maxFailedIndexes=10001; spec.parallelism=10001", "spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index\nspec.maxFailedIndexes: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index")]
    public void A_job_follows_its_rules(string changes, string expected) => Assert.Equal(expected, Examples.Faults("Job", changes));

    [Theory]
    [InlineData("", "spec.completions=2", "spec.completions: Invalid value: 2: field is immutable")]
    [InlineData("", "spec.parallelism=2; spec.completions=1; spec.suspend=true; spec.backoffLimit=1", "")]
    [InlineData("spec.completionMode='Indexed'; spec.completions=2; spec.parallelism=2", "spec.completionMode='Indexed'; spec.completions=3; spec.parallelism=3", "")]
    [InlineData("spec.completionMode='Indexed'; spec.completions=2; spec.parallelism=2", "spec.completionMode='Indexed'; spec.completions=3; spec.parallelism=2", "spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism")]
    [InlineData("spec.suspend=true", "spec.suspend=true; spec.template.spec.nodeSelector={'a':'b'}", "")]
    public void Of_a_job_little_changes(string before, string after, string expected) => Assert.Equal(
        expected, Examples.Text(Validator.ValidateUpdate(Examples.Of("Job", after), Examples.Of("Job", before))));

    [Fact]
    public void A_jobs_template_does_not_change() => Assert.EndsWith(
        ": field is immutable",
        Examples.Text(Validator.ValidateUpdate(Examples.Of("Job", "spec.template.spec.containers[0].image='b'"), Examples.Of("Job"))));

    [Theory]
    [InlineData("'*/5 * * * *'", "")]
    [InlineData("'0 0 1 JAN-MAR mon,wed'", "")]
    [InlineData("'@daily'", "")]
    [InlineData("'@every 1h30m'", "")]
    [InlineData("'@every 500ms'", "")]
    [InlineData("'@every 1.2.3s'", "failed to parse duration @every 1.2.3s: time: invalid duration \"1.2.3s\"")]
    [InlineData("'5/15 * * * ?'", "")]
    [InlineData("'5/2147483647 * * * *'", "")]
    [InlineData("'-5 * * * *'", "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax")]
    [InlineData("'* * * *'", "expected exactly 5 fields, found 4: [* * * *]")]
    [InlineData("'0 * * * * *'", "expected exactly 5 fields, found 6: [0 * * * * *]")]
    [InlineData("'60 * * * *'", "end of range (60) above maximum (59): 60")]
    [InlineData("'* * 0 * *'", "beginning of range (0) below minimum (1): 0")]
    [InlineData("'x * * * *'", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax")]
    [InlineData("'5-1 * * * *'", "beginning of range (5) beyond end of range (1): 5-1")]
    [InlineData("'1-2-3 * * * *'", "too many hyphens: 1-2-3")]
    [InlineData("'*/1/2 * * * *'", "too many slashes: */1/2")]
    [InlineData("'*/0 * * * *'", "step of range should be a positive number: */0")]
    [InlineData("'@sometimes'", "unrecognized descriptor: @sometimes")]
    [InlineData("'@every x'", "failed to parse duration @every x: time: invalid duration \"x\"")]
    public void A_schedule_is_read_as_cron_reads_it(string schedule, string expected)
    {
        string faults = Examples.Faults("CronJob", "spec.schedule=" + schedule);

        Assert.Equal(expected.Length == 0 ? "" : $"spec.schedule: Invalid value: \"{schedule.Trim('\'')}\": {expected}", faults);
    }

    [Theory]
    [InlineData("spec.schedule=-", "spec.schedule: Required value")]
    [InlineData("spec.schedule='TZ=UTC 0 0 * * *'", "spec.schedule: Invalid value: \"TZ=UTC 0 0 * * *\": cannot use TZ or CRON_TZ in schedule, use timeZone field instead")]
    [InlineData("spec.timeZone='UTC'", "")]
    [InlineData("spec.timeZone=''", "spec.timeZone: Invalid value: \"\": timeZone must be nil or non-empty string")]
    [InlineData("spec.timeZone='Local'", "spec.timeZone: Invalid value: \"Local\": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones")]
    [InlineData("spec.timeZone='Moon/Crater'", "spec.timeZone: Invalid value: \"Moon/Crater\": unknown time zone Moon/Crater")]
    [InlineData("spec.concurrencyPolicy='Perhaps'", "spec.concurrencyPolicy: Unsupported value: \"Perhaps\": supported values: \"Allow\", \"Forbid\", \"Replace\"")]
    [InlineData("spec.successfulJobsHistoryLimit=-1", "spec.successfulJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("spec.startingDeadlineSeconds=-1", "spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("spec.jobTemplate.spec.template.spec.restartPolicy='Always'", "spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"")]
    [InlineData("spec.jobTemplate.spec.manualSelector=true", "spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: \"false\", \"nil\"")]
    [InlineData("metadata.name='a2345678901234567890123456789012345678901234567890123'", "metadata.name: Invalid value: \"a2345678901234567890123456789012345678901234567890123\": must be no more than 52 characters")]
    public void A_cron_job_follows_its_rules(string changes, string expected) => Assert.Equal(expected, Examples.Faults("CronJob", changes));

    [Theory]
    [InlineData("spec.schedule='TZ=UTC 0 0 * * *'", "spec.schedule='TZ=UTC 0 1 * * *'", "")]
    [InlineData("", "spec.schedule='TZ=UTC 0 1 * * *'", "spec.schedule: Invalid value: \"TZ=UTC 0 1 * * *\": cannot use TZ or CRON_TZ in schedule, use timeZone field instead")]
    [InlineData("spec.schedule='TZ=UTC 0 0 * * *'", "spec.schedule='TZ=UTC 0 0 * * *'; spec.timeZone='Etc/UTC'", "spec.schedule: Invalid value: \"TZ=UTC 0 0 * * *\": cannot use both timeZone field and TZ or CRON_TZ in schedule")]
    public void A_zone_stays_in_a_schedule_that_has_one(string before, string after, string expected) =>
        Assert.Equal(expected, Examples.Text(Validator.ValidateUpdate(Examples.Of("CronJob", after), Examples.Of("CronJob", before))));

    [Theory]
    [InlineData("spec.maxReplicas=0", "spec.maxReplicas: Invalid value: 0: must be greater than 0\nspec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`")]
    [InlineData("spec.minReplicas=0", "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1")]
    [InlineData("spec.minReplicas=5", "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`")]
    [InlineData("spec.scaleTargetRef.name=-", "spec.scaleTargetRef.name: Required value")]
    [InlineData("spec.metrics=[{'type':'Resource'}]", "spec.metrics[0].resource: Required value: must populate information for the given metric source")]
    [InlineData("spec.metrics=[{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization'}}}]", "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization")]
    [InlineData("spec.metrics=[{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization','averageUtilization':0}}}]", "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0")]
    [InlineData("spec.metrics=[{'type':'Pods','pods':{'metric':{'name':'q'},'target':{'type':'AverageValue'}}}]", "spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target averageValue")]
    [InlineData("spec.behavior.scaleDown={'policies':[{'type':'Pods','value':0,'periodSeconds':15}]}", "spec.behavior.scaleDown.policies[0].value: Invalid value: 0: must be greater than zero")]
    [InlineData("spec.behavior.scaleDown={'stabilizationWindowSeconds':3601}", "spec.behavior.scaleDown.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600")]
    [InlineData("spec.behavior.scaleDown={'selectPolicy':'Mean'}", "spec.behavior.scaleDown.selectPolicy: Unsupported value: \"Mean\": supported values: \"Disabled\", \"Max\", \"Min\"")]
    public void An_autoscaler_follows_its_rules(string changes, string expected) =>
        Assert.Equal(expected, Examples.Faults("HorizontalPodAutoscaler", changes));
}
