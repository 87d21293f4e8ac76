using Orchestrator.Api.Validation;

namespace Orchestrator.Api.Tests.Validation;

public sealed class KindTests
{
    private const string ConfigKey = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
        + "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

    [Theory]
    [InlineData("ConfigMap", "data={'a b':'c'}", "data[a b]: Invalid value: \"a b\": " + ConfigKey)]
    [InlineData("ConfigMap", "binaryData={'a':'eA=='}", "data[a]: Invalid value: \"a\": duplicate of key present in binaryData")]
    [InlineData("Secret", "data={'..':'eA=='}", "data[..]: Invalid value: \"..\": must not be '..'")]
    [InlineData("Secret", "type='kubernetes.io/tls'", "data[tls.crt]: Required value\ndata[tls.key]: Required value")]
    [InlineData("Secret", "type='kubernetes.io/dockerconfigjson'", "data[.dockerconfigjson]: Required value")]
    [InlineData("Secret", "type='kubernetes.io/dockerconfigjson'; data={'.dockerconfigjson':'e30='}", "")]
    [InlineData("Secret", "type='kubernetes.io/basic-auth'", "data[username]: Required value\ndata[password]: Required value")]
    [InlineData("Secret", "type='kubernetes.io/ssh-auth'", "data[ssh-privatekey]: Required value")]
    [InlineData("Secret", "type='kubernetes.io/service-account-token'", "metadata.annotations[kubernetes.io/service-account.name]: Required value")]
    [InlineData("Node", "spec.taints=[{'key':'a','effect':'Go'}]", "metadata.taints[0].effect: Unsupported value: \"Go\": supported values: \"NoExecute\", \"NoSchedule\", \"PreferNoSchedule\"")]
    [InlineData("Node", "spec.taints=[{'key':'a','effect':'NoSchedule'},{'key':'a','effect':'NoSchedule'}]", "metadata.taints[1]: Duplicate value: {\"effect\":\"NoSchedule\",\"key\":\"a\"}: taints must be unique by key and effect pair")]
    [InlineData("Node", "spec.podCIDRs=['10.0.0.0/24','10.0.1.0/24']", "spec.podCIDRs: Invalid value: []string{\"10.0.0.0/24\", \"10.0.1.0/24\"}: may specify no more than one CIDR for each IP family")]
    [InlineData("Node", "status.capacity={'cpu':'-1'}", "status.capacity.cpu: Invalid value: \"-1\": must be greater than or equal to 0\nstatus.allocatable.cpu: Invalid value: \"-1\": must be greater than or equal to 0")]
    [InlineData("ResourceQuota", "spec.hard={'apples':'1'}", "spec.hard[apples]: Invalid value: \"apples\": must be a standard resource type or fully qualified\nspec.hard[apples]: Invalid value: \"apples\": must be a standard resource for quota")]
    [InlineData("ResourceQuota", "spec.hard={'pods':'1500m'}", "spec.hard[pods]: Invalid value: \"1500m\": must be an integer")]
    [InlineData("ResourceQuota", "spec.hard={'count/deployments.apps':'1'}", "")]
    [InlineData("ResourceQuota", "spec.hard={'pods':'1'}; spec.scopes=['Nice']", "spec.scopes: Invalid value: []core.ResourceQuotaScope{\"Nice\"}: unsupported scope")]
    [InlineData("ResourceQuota", "spec.hard={'pods':'1'}; spec.scopes=['BestEffort','NotBestEffort']", "spec.scopes: Invalid value: []core.ResourceQuotaScope{\"BestEffort\", \"NotBestEffort\"}: conflicting scopes")]
    [InlineData("LimitRange", "spec.limits[0].type='Crowd'", "spec.limits[0].type: Invalid value: \"Crowd\": must be a standard limit type or fully qualified")]
    [InlineData("LimitRange", "spec.limits[0].min={'cpu':'3'}", "spec.limits[0].min[cpu]: Invalid value: \"3\": min value 3 is greater than max value 2\nspec.limits[0].defaultRequest[cpu]: Invalid value: \"2\": min value 3 is greater than default request value 2\nspec.limits[0].default[cpu]: Invalid value: \"3\": min value 3 is greater than default value 2")]
    [InlineData("LimitRange", "spec.limits=[{'type':'Pod','default':{'cpu':'1'}}]", "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'")]
    [InlineData("LimitRange", "spec.limits=[{'type':'PersistentVolumeClaim'}]", "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided")]
    [InlineData("Event", "involvedObject.namespace='other'", "involvedObject.namespace: Invalid value: \"other\": does not match event.namespace")]
    [InlineData("PersistentVolume", "spec.accessModes=[]", "spec.accessModes: Required value")]
    [InlineData("PersistentVolume", "spec.accessModes=['Anyhow']", "spec.accessModes: Unsupported value: \"Anyhow\": supported values: \"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\"")]
    [InlineData("PersistentVolume", "spec.hostPath=-", "spec: Required value: must specify a volume type")]
    [InlineData("PersistentVolume", "spec.nfs={'server':'s','path':'/p'}", "spec.nfs: Forbidden: may not specify more than 1 volume type")]
    [InlineData("PersistentVolume", "spec.hostPath=-; spec.local={'path':'/x'}", "spec.nodeAffinity: Required value: Local volume requires node affinity")]
    [InlineData("PersistentVolumeClaim", "spec.accessModes=[]", "spec.accessModes: Required value: at least 1 access mode is required")]
    [InlineData("PersistentVolumeClaim", "spec.resources={}", "spec.resources[storage]: Required value")]
    [InlineData("PersistentVolumeClaim", "spec.resources.requests={'storage':'0'}", "spec.resources[storage]: Invalid value: \"0\": must be greater than zero")]
    [InlineData("PersistentVolumeClaim", "spec.accessModes=['ReadWriteOncePod','ReadWriteOnce']", "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes")]
    [InlineData("PersistentVolumeClaim", "spec.dataSource={'kind':'Pod','name':'p'}", "spec.dataSource: Invalid value: \"Pod\": must be 'PersistentVolumeClaim' when referencing the default apiGroup")]
    [InlineData("PodDisruptionBudget", "spec.maxUnavailable=1", "spec: Invalid value: {\"maxUnavailable\":1,\"minAvailable\":1,\"selector\":{\"matchLabels\":{\"app\":\"web\"}}}: minAvailable and maxUnavailable cannot be both set")]
    [InlineData("PodDisruptionBudget", "spec.minAvailable=-1", "spec.minAvailable: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("PodDisruptionBudget", "spec.minAvailable='110%'", "spec.minAvailable: Invalid value: \"110%\": must not be greater than 100%")]
    [InlineData("Role", "rules=[{'apiGroups':[''],'resources':['pods']}]", "rules[0].verbs: Required value: verbs must contain at least one value")]
    [InlineData("Role", "rules=[{'verbs':['get'],'nonResourceURLs':['/x']}]", "rules[0].nonResourceURLs: Invalid value: []string{\"/x\"}: namespaced rules cannot apply to non-resource URLs")]
    [InlineData("Role", "rules=[{'verbs':['get']}]", "rules[0].apiGroups: Required value: resource rules must supply at least one api group\nrules[0].resources: Required value: resource rules must supply at least one resource")]
    [InlineData("ClusterRole", "rules=[{'verbs':['get'],'nonResourceURLs':['/x'],'apiGroups':['']}]", "rules[0].nonResourceURLs: Invalid value: []string{\"/x\"}: rules cannot apply to both regular resources and non-resource URLs")]
    [InlineData("RoleBinding", "roleRef.kind='Group'", "roleRef.kind: Unsupported value: \"Group\": supported values: \"ClusterRole\", \"Role\"")]
    [InlineData("ClusterRoleBinding", "roleRef.kind='Role'", "roleRef.kind: Unsupported value: \"Role\": supported values: \"ClusterRole\"")]
    [InlineData("ClusterRoleBinding", "subjects[0].namespace=-", "subjects[0].namespace: Required value")]
    [InlineData("RoleBinding", "subjects[0].kind='Robot'", "subjects[0].kind: Unsupported value: \"Robot\": supported values: \"Group\", \"ServiceAccount\", \"User\"")]
    [InlineData("PriorityClass", "value=1000000001", "value: Forbidden: maximum allowed value of a user defined priority is 1000000000")]
    [InlineData("PriorityClass", "metadata.name='system-mine'", "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class")]
    [InlineData("PriorityClass", "metadata.name='system-node-critical'; value=2000001000", "")]
    [InlineData("FlowSchema", "spec.matchingPrecedence=1", "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1")]
    [InlineData("FlowSchema", "spec.matchingPrecedence=10001", "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000")]
    [InlineData("FlowSchema", "spec.priorityLevelConfiguration={}", "spec.priorityLevelConfiguration.name: Required value: must reference a priority level")]
    [InlineData("FlowSchema", "spec.distinguisherMethod={'type':'ByMood'}", "spec.distinguisherMethod.type: Unsupported value: \"ByMood\": supported values: \"ByNamespace\", \"ByUser\"")]
    [InlineData("FlowSchema", "spec.rules=[{}]", "spec.rules[0].subjects: Required value: subjects must contain at least one value\nspec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty")]
    [InlineData("FlowSchema", "spec.rules[0].subjects=[{'kind':'User','group':{'name':'g'}}]", "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'\nspec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'")]
    [InlineData("FlowSchema", "spec.rules[0].nonResourceRules=[{'verbs':['get'],'nonResourceURLs':['/a//b','/a*']}]", "spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: \"/a//b\": must not contain double slash\nspec.rules[0].nonResourceRules[0].nonResourceURLs[1]: Invalid value: \"/a*\": wildcard can only do suffix matching")]
    [InlineData("FlowSchema", "spec.rules[0].resourceRules=[{'verbs':['get'],'apiGroups':[''],'resources':['pods']}]", "spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace")]
    [InlineData("PriorityLevelConfiguration", "spec.type='Exempt'", "spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'\nspec.limited: Forbidden: must be nil if the type is not Limited")]
    [InlineData("PriorityLevelConfiguration", "spec.limited.nominalConcurrencyShares=0", "")]
    [InlineData("PriorityLevelConfiguration", "spec.limited.lendablePercent=101", "spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive")]
    [InlineData("PriorityLevelConfiguration", "spec.limited.limitResponse={'type':'Reject','queuing':{}}", "spec.limited.limitResponse.queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited")]
    [InlineData("PriorityLevelConfiguration", "spec.limited.limitResponse.queuing.handSize=65", "spec.limited.limitResponse.queuing.handSize: Invalid value: 65: should not be greater than queues (64)")]
    [InlineData("PriorityLevelConfiguration", "spec.limited.limitResponse.queuing.handSize=11", "spec.limited.limitResponse.queuing.handSize: Invalid value: 11: required entropy bits of deckSize 64 and handSize 11 should not be greater than 60")]
    [InlineData("RuntimeClass", "handler='a.b'", "handler: Invalid value: \"a.b\": must not contain dots")]
    [InlineData("Lease", "spec.leaseDurationSeconds=0", "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0")]
    [InlineData("Lease", "spec.leaseTransitions=-1", "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0")]
    [InlineData("CertificateSigningRequest", "spec.request='eA=='", "spec.request: Invalid value: []byte{0x78}: PEM block type must be CERTIFICATE REQUEST")]
    [InlineData("CertificateSigningRequest", "spec.usages=[]", "spec.usages: Required value")]
    [InlineData("CertificateSigningRequest", "spec.signerName='s'", "spec.signerName: Invalid value: \"s\": must be a fully qualified domain and path of the form 'example.com/signer-name'")]
    [InlineData("CertificateSigningRequest", "spec.signerName='kubernetes.io/legacy-unknown'", "spec.signerName: Invalid value: \"kubernetes.io/legacy-unknown\": the legacy signerName is not allowed via this API version")]
    [InlineData("CertificateSigningRequest", "spec.expirationSeconds=599", "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)")]
    [InlineData("StorageClass", "provisioner=-", "provisioner: Required value")]
    [InlineData("StorageClass", "reclaimPolicy='Recycle'", "reclaimPolicy: Unsupported value: \"Recycle\": supported values: \"Delete\", \"Retain\"")]
    [InlineData("StorageClass", "volumeBindingMode='Late'", "volumeBindingMode: Unsupported value: \"Late\": supported values: \"Immediate\", \"WaitForFirstConsumer\"")]
    [InlineData("VolumeAttachment", "spec.source={}", "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName")]
    [InlineData("HorizontalPodAutoscaler", "spec.metrics=[{'type':'Object','object':{'metric':{'name':'m'},'describedObject':{'kind':'Ingress','name':'i'},'target':{'type':'Value'}}}]", "spec.metrics[0].object.target.averageValue: Required value: must set either a target value or averageValue")]
    public void A_kind_follows_its_rules(string kind, string changes, string expected) =>
        Assert.Equal(expected, Examples.Faults(kind, changes));

    [Theory]
    [InlineData("ConfigMap", "immutable=true", "immutable=true; data={'a':'c'}", "data: Forbidden: field is immutable when `immutable` is set")]
    [InlineData("ConfigMap", "immutable=true", "", "immutable: Forbidden: field is immutable when `immutable` is set")]
    [InlineData("Secret", "immutable=true", "immutable=true; data={'a':'Yw=='}", "data: Forbidden: field is immutable when `immutable` is set")]
    [InlineData("Secret", "", "type='example.com/x'", "type: Invalid value: \"example.com/x\": field is immutable")]
    [InlineData("Node", "spec.podCIDRs=['10.0.0.0/24']", "spec.podCIDRs=['10.0.1.0/24']", "spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" to valid")]
    [InlineData("Node", "", "spec.podCIDRs=['10.0.1.0/24']", "")]
    [InlineData("Node", "spec.providerID='a'", "spec.providerID='b'", "spec.providerID: Forbidden: node updates may not change providerID except from \"\" to valid")]
    [InlineData("ResourceQuota", "", "spec.scopes=['Terminating']; spec.hard={'pods':'1'}", "spec.scopes: Invalid value: []core.ResourceQuotaScope{\"Terminating\"}: field is immutable")]
    [InlineData("PersistentVolume", "", "spec.hostPath.path='/y'", "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n-  hostPath.path: \"/x\"\n+  hostPath.path: \"/y\"\n")]
    [InlineData("PersistentVolume", "", "spec.claimRef={'name':'c','namespace':'n'}; spec.capacity={'storage':'2Gi'}", "")]
    [InlineData("PersistentVolumeClaim", "", "spec.volumeName='v'", "")]
    [InlineData("PersistentVolumeClaim", "spec.volumeName='v'", "spec.volumeName='w'", "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n-  volumeName: \"v\"\n+  volumeName: \"w\"\n")]
    [InlineData("PersistentVolumeClaim", "status.phase='Bound'", "status.phase='Bound'; spec.resources.requests={'storage':'2Gi'}", "")]
    [InlineData("PersistentVolumeClaim", "status={'phase':'Bound','capacity':{'storage':'1Gi'}}", "status.phase='Bound'; spec.resources.requests={'storage':'512Mi'}", "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity")]
    [InlineData("RoleBinding", "", "roleRef.name='other'", "roleRef: Invalid value: rbac.RoleRef{APIGroup:\"rbac.authorization.k8s.io\", Kind:\"Role\", Name:\"other\"}: cannot change roleRef")]
    [InlineData("PriorityClass", "", "value=6", "value: Forbidden: may not be changed in an update.")]
    [InlineData("RuntimeClass", "", "handler='other'", "handler: Invalid value: \"other\": field is immutable")]
    [InlineData("StorageClass", "", "parameters={'a':'b'}; reclaimPolicy='Retain'", "parameters: Forbidden: updates to parameters are forbidden.\nreclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.")]
    [InlineData("VolumeAttachment", "", "spec.nodeName='m'", "spec: Invalid value: {\"attacher\":\"a\",\"nodeName\":\"m\",\"source\":{\"persistentVolumeName\":\"p\"}}: field is immutable")]
    [InlineData("IngressClass", "", "spec.controller='example.com/d'", "spec.controller: Invalid value: \"example.com/d\": field is immutable")]
    [InlineData("EndpointSlice", "", "addressType='FQDN'; endpoints=[{'addresses':['a.example']}]", "addressType: Invalid value: \"FQDN\": field is immutable")]
    [InlineData("CertificateSigningRequest", "", "status.conditions=[{'type':'Approved','status':'True'}]", "status.conditions: Forbidden: updates may not add a condition of type \"Approved\"")]
    public void What_may_not_change_stays(string kind, string before, string after, string expected) => Assert.Equal(
        expected, Examples.Text(Validator.ValidateUpdate(Examples.Of(kind, after), Examples.Of(kind, before))));

    [Theory]
    [InlineData("", "status.conditions=[{'type':'Approved','status':'True'}]", "")]
    [InlineData("status.conditions=[{'type':'Denied','status':'True'}]", "", "status.conditions: Forbidden: updates may not remove a condition of type \"Denied\"")]
    [InlineData("status.conditions=[{'type':'Denied','status':'True'}]", "status.conditions=[{'type':'Denied','status':'True'},{'type':'Approved','status':'True'}]", "status.conditions[1].type: Invalid value: \"Approved\": Approved and Denied conditions are mutually exclusive")]
    [InlineData("", "status.conditions=[{'type':'Approved','status':'False'}]", "status.conditions[0].status: Unsupported value: \"False\": supported values: \"True\"")]
    public void An_approval_follows_its_rules(string before, string after, string expected) => Assert.Equal(
        expected, Examples.Text(Validator.ValidateSubresourceUpdate(
            "approval", Examples.Of("CertificateSigningRequest", after), Examples.Of("CertificateSigningRequest", before))));

    [Fact]
    public void A_namespaces_phase_goes_with_its_deletion() => Assert.Equal(
        "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty",
        Examples.Text(Validator.ValidateStatusUpdate(Examples.Of("Namespace", "status.phase='Terminating'"), Examples.Of("Namespace"))));

    [Fact]
    public void Data_has_a_limit_together() => Assert.Equal(
        "data: Too long: may not be more than 1048576 bytes",
        Examples.Faults("Secret", $"data={{'a':'{Convert.ToBase64String(new byte[1024 * 1024 + 1])}'}}"));

    [Fact]
    public void A_finalizer_of_a_namespace_is_named_in_full() => Assert.Equal(
        "spec.finalizers: Invalid value: \"mine\": name is neither a standard finalizer name nor is it fully qualified",
        Examples.Text(Validator.ValidateSubresourceUpdate("finalize", Examples.Of("Namespace", "spec.finalizers=['mine']"), Examples.Of("Namespace"))));
}
