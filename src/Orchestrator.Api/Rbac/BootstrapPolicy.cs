using Orchestrator.Api.MetaV1;
using Orchestrator.Api.RbacV1;

namespace Orchestrator.Api.Rbac;

/// <summary>The roles and bindings that every cluster has from its first start: Kubernetes 1.33's, with the features on that
/// are on by default.</summary>
public static class BootstrapPolicy
{
    public const string GroupName = "rbac.authorization.k8s.io";

    /// <summary>"false" on an object tells a start to leave it as it is.</summary>
    public const string AutoUpdate = "rbac.authorization.kubernetes.io/autoupdate";

    private const string Bootstrapping = "kubernetes.io/bootstrapping";
    private const string AggregateTo = "rbac.authorization.k8s.io/aggregate-to-";
    private const string SystemNamespace = "kube-system";
    private const string PublicNamespace = "kube-public";

    /// <summary>All controllers run as one user here: its role holds what the controllers' roles hold together.</summary>
    private const string AllControllers = "orchestrator:controllers";

    private const string ClusterRoleTable = """
        role cluster-admin
          * | * | *
          * | urls | *
        role admin
        role edit
        role view
        role system:aggregate-to-admin
          create | authorization.k8s.io | localsubjectaccessreviews
          R W | rbac.authorization.k8s.io | roles rolebindings
        role system:aggregate-to-edit
          R | core | pods/attach pods/proxy pods/exec pods/portforward secrets services/proxy
          impersonate | core | serviceaccounts
          W | core | pods pods/attach pods/proxy pods/exec pods/portforward
          create | core | pods/eviction
          W | core | configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy
          create | core | serviceaccounts/token
          W | apps | daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale
          W | autoscaling | horizontalpodautoscalers
          W | batch | cronjobs jobs
          W | extensions | daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale
          W | policy | poddisruptionbudgets
          W | networking.k8s.io | ingresses networkpolicies
          R W | coordination.k8s.io | leases
        role system:aggregate-to-view
          R | core | configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status
          R | core | bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status
          R | core | namespaces
          R | discovery.k8s.io | endpointslices
          R | apps | controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status
          R | autoscaling | horizontalpodautoscalers horizontalpodautoscalers/status
          R | batch | cronjobs cronjobs/status jobs jobs/status
          R | extensions | daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale
          R | policy | poddisruptionbudgets poddisruptionbudgets/status
          R | networking.k8s.io | ingresses ingresses/status networkpolicies
        role system:auth-delegator
          create | authentication.k8s.io | tokenreviews
          create | authorization.k8s.io | subjectaccessreviews
        role system:basic-user
          create | authorization.k8s.io | selfsubjectaccessreviews selfsubjectrulesreviews
          create | authentication.k8s.io | selfsubjectreviews
        role system:certificates.k8s.io:certificatesigningrequests:nodeclient
          create | certificates.k8s.io | certificatesigningrequests/nodeclient
        role system:certificates.k8s.io:certificatesigningrequests:selfnodeclient
          create | certificates.k8s.io | certificatesigningrequests/selfnodeclient
        role system:certificates.k8s.io:kube-apiserver-client-approver
          approve | certificates.k8s.io | signers | kubernetes.io/kube-apiserver-client
        role system:certificates.k8s.io:kube-apiserver-client-kubelet-approver
          approve | certificates.k8s.io | signers | kubernetes.io/kube-apiserver-client-kubelet
        role system:certificates.k8s.io:kubelet-serving-approver
          approve | certificates.k8s.io | signers | kubernetes.io/kubelet-serving
        role system:certificates.k8s.io:legacy-unknown-approver
          approve | certificates.k8s.io | signers | kubernetes.io/legacy-unknown
        role system:discovery
          get | urls | /api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/
        role system:heapster
          R | core | events namespaces nodes pods
          R | extensions | deployments
        role system:kube-aggregator
          R | core | endpoints services
        role system:kube-controller-manager
          events
          create | coordination.k8s.io | leases
          get update | coordination.k8s.io | leases | kube-controller-manager
          create | core | secrets serviceaccounts
          delete | core | secrets
          get | core | configmaps namespaces secrets serviceaccounts
          update | core | secrets serviceaccounts
          create | authentication.k8s.io | tokenreviews
          create | authorization.k8s.io | subjectaccessreviews
          list watch | * | *
          create | core | serviceaccounts/token
        role system:kube-dns
          list watch | core | endpoints services
        role system:kube-scheduler
          events
          create | coordination.k8s.io | leases
          get update | coordination.k8s.io | leases | kube-scheduler
          R | core | nodes
          R delete | core | pods
          create | core | bindings pods/binding
          patch update | core | pods/status
          R | core | replicationcontrollers services
          R | apps extensions | replicasets
          R | apps | statefulsets
          R | policy | poddisruptionbudgets
          R | core | persistentvolumeclaims persistentvolumes
          create | authentication.k8s.io | tokenreviews
          create | authorization.k8s.io | subjectaccessreviews
          R | storage.k8s.io | csinodes
          R | core | namespaces
          R | storage.k8s.io | csidrivers
          R | storage.k8s.io | csistoragecapacities
          R | storage.k8s.io | volumeattachments
        role system:kubelet-api-admin
          R | core | nodes
          proxy | core | nodes
          * | core | nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats
        role system:monitoring
          get | urls | /healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*
        role system:node
          create | authentication.k8s.io | tokenreviews
          create | authorization.k8s.io | localsubjectaccessreviews subjectaccessreviews
          R | core | services
          R create | core | nodes
          patch update | core | nodes/status
          patch update | core | nodes
          create patch update | core | events
          R | core | pods
          create delete | core | pods
          patch update | core | pods/status
          create | core | pods/eviction
          R | core | configmaps secrets
          get | core | persistentvolumeclaims persistentvolumes
          get | core | endpoints
          R create | certificates.k8s.io | certificatesigningrequests
          create delete get patch update | coordination.k8s.io | leases
          get | storage.k8s.io | volumeattachments
          create | core | serviceaccounts/token
          get patch update | core | persistentvolumeclaims/status
          R | storage.k8s.io | csidrivers
          create delete get patch update | storage.k8s.io | csinodes
          R | node.k8s.io | runtimeclasses
        role system:node-bootstrapper
          R create | certificates.k8s.io | certificatesigningrequests
        role system:node-problem-detector
          get | core | nodes
          patch | core | nodes/status
          events
        role system:node-proxier
          list watch | core | endpoints services
          R | core | nodes
          events
          list watch | discovery.k8s.io | endpointslices
        role system:persistent-volume-provisioner
          R create delete | core | persistentvolumes
          R update | core | persistentvolumeclaims
          R | storage.k8s.io | storageclasses
          watch | core | events
          events
        role system:public-info-viewer
          get | urls | /healthz /livez /readyz /version /version/
        role system:service-account-issuer-discovery
          get | urls | /.well-known/openid-configuration /openid/v1/jwks
        role system:volume-scheduler
          R patch update | core | persistentvolumes
          R | storage.k8s.io | storageclasses
          R patch update | core | persistentvolumeclaims
        """;

    // The name behind "system:controller:" is that of the controller's service account, too.
    private const string ControllerTable = """
        role attachdetach-controller
          list watch | core | persistentvolumeclaims persistentvolumes
          R | core | nodes
          patch update | core | nodes/status
          list watch | core | pods
          events
          R create delete | storage.k8s.io | volumeattachments
          R | storage.k8s.io | csidrivers
          R | storage.k8s.io | csinodes
        role certificate-controller
          R delete | certificates.k8s.io | certificatesigningrequests
          update | certificates.k8s.io | certificatesigningrequests/approval certificatesigningrequests/status
          approve | certificates.k8s.io | signers | kubernetes.io/kube-apiserver-client-kubelet
          sign | certificates.k8s.io | signers | kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown
          create | authorization.k8s.io | subjectaccessreviews
          events
        role clusterrole-aggregation-controller
          R escalate patch update | rbac.authorization.k8s.io | clusterroles
        role cronjob-controller
          R update | batch | cronjobs
          R create delete patch update | batch | jobs
          update | batch | cronjobs/status
          update | batch | cronjobs/finalizers
          list watch delete | core | pods
          events
        role daemon-set-controller
          R | apps extensions | daemonsets
          update | apps extensions | daemonsets/status
          update | apps extensions | daemonsets/finalizers
          list watch | core | nodes
          create delete list patch watch | core | pods
          create | core | pods/binding
          R create delete patch update | apps | controllerrevisions
          events
        role deployment-controller
          R update | apps extensions | deployments
          update | apps extensions | deployments/status
          update | apps extensions | deployments/finalizers
          R create delete patch update | apps extensions | replicasets
          R update | core | pods
          events
        role disruption-controller
          R | apps extensions | deployments
          R | apps extensions | replicasets
          R | core | replicationcontrollers
          R | policy | poddisruptionbudgets
          R | apps | statefulsets
          update | policy | poddisruptionbudgets/status
          patch update | core | pods/status
          get | * | */scale
          events
        role endpoint-controller
          R | core | pods services
          R create delete update | core | endpoints
          create | core | endpoints/restricted
          events
        role endpointslice-controller
          R | core | nodes pods services
          update | core | services/finalizers
          R create delete update | discovery.k8s.io | endpointslices
          events
        role endpointslicemirroring-controller
          R | core | endpoints services
          update | core | services/finalizers
          update | core | endpoints/finalizers
          R create delete update | discovery.k8s.io | endpointslices
          events
        role ephemeral-volume-controller
          R | core | pods
          update | core | pods/finalizers
          R create | core | persistentvolumeclaims
          events
        role expand-controller
          R patch update | core | persistentvolumes
          patch update | core | persistentvolumeclaims/status
          R | core | persistentvolumeclaims
          events
        role generic-garbage-collector
          R delete patch update | * | *
          events
        role horizontal-pod-autoscaler
          R | autoscaling | horizontalpodautoscalers
          update | autoscaling | horizontalpodautoscalers/status
          get update | * | */scale
          list watch | core | pods
          list watch | metrics.k8s.io | pods
          R | custom.metrics.k8s.io | *
          R | external.metrics.k8s.io | *
          events
        role job-controller
          R patch update | batch | jobs
          update | batch | jobs/status
          update | batch | jobs/finalizers
          create delete list patch watch | core | pods
          events
        role legacy-service-account-token-cleaner
          get | core | configmaps | kube-apiserver-legacy-service-account-token-tracking
          delete patch | core | secrets
        role namespace-controller
          R delete | core | namespaces
          update | core | namespaces/finalize namespaces/status
          R delete deletecollection | * | *
        role node-controller
          R delete patch update | core | nodes
          patch update | core | nodes/status
          patch update | core | pods/status
          R delete | core | pods
          events
        role persistent-volume-binder
          R create delete update | core | persistentvolumes
          update | core | persistentvolumes/status
          R update | core | persistentvolumeclaims
          update | core | persistentvolumeclaims/status
          R create delete | core | pods
          R | storage.k8s.io | storageclasses
          list watch | core | nodes
          events
          watch | core | events
        role pod-garbage-collector
          list watch delete | core | pods
          R | core | nodes
          patch | core | pods/status
        role pv-protection-controller
          R update | core | persistentvolumes
          events
        role pvc-protection-controller
          R update | core | persistentvolumeclaims
          R | core | pods
          events
        role replicaset-controller
          R update | apps extensions | replicasets
          update | apps extensions | replicasets/status
          update | apps extensions | replicasets/finalizers
          create delete list patch watch | core | pods
          events
        role replication-controller
          R update | core | replicationcontrollers
          update | core | replicationcontrollers/status
          update | core | replicationcontrollers/finalizers
          create delete list patch watch | core | pods
          events
        role resourcequota-controller
          list watch | * | *
          update | core | resourcequotas/status
          events
        role root-ca-cert-publisher
          create update | core | configmaps
          events
        role route-controller
          list watch | core | nodes
          patch | core | nodes/status
          events
        role selinux-warning-controller
          events
          R | core | persistentvolumes
          R | core | persistentvolumeclaims
          R | core | pods
          R | storage.k8s.io | csidrivers
        role service-account-controller
          create | core | serviceaccounts
          events
        role service-cidrs-controller
          R patch update | networking.k8s.io | servicecidrs
          patch update | networking.k8s.io | servicecidrs/finalizers
          patch update | networking.k8s.io | servicecidrs/status
          R | networking.k8s.io | ipaddresses
          events
        role service-controller
          R | core | services
          patch update | core | services/status
          list watch | core | nodes
          events
        role statefulset-controller
          list watch | core | pods
          R | apps | statefulsets
          update | apps | statefulsets/status
          update | apps | statefulsets/finalizers
          create delete get patch update | core | pods
          R create delete patch update | apps | controllerrevisions
          R create | core | persistentvolumeclaims
          delete update | core | persistentvolumeclaims
          update | core | pods/finalizers
          events
        role ttl-after-finished-controller
          R delete | batch | jobs
          events
        role ttl-controller
          list watch patch update | core | nodes
          events
        role validatingadmissionpolicy-status-controller
          R | admissionregistration.k8s.io | validatingadmissionpolicies
          get patch update | admissionregistration.k8s.io | validatingadmissionpolicies/status
          events
        """;

    // Namespace and name.
    private const string NamespaceRoleTable = """
        role kube-public system:controller:bootstrap-signer
          R | core | configmaps
          update | core | configmaps | cluster-info
          events
        role kube-system extension-apiserver-authentication-reader
          R | core | configmaps | extension-apiserver-authentication
        role kube-system system::leader-locking-kube-controller-manager
          R create update | coordination.k8s.io | leases
          R create update | coordination.k8s.io | leasecandidates
        role kube-system system::leader-locking-kube-scheduler
          R create update | coordination.k8s.io | leases
          R create update | coordination.k8s.io | leasecandidates
        role kube-system system:controller:bootstrap-signer
          R | core | secrets
        role kube-system system:controller:cloud-provider
          R create | core | configmaps
        role kube-system system:controller:token-cleaner
          R delete | core | secrets
          events
        """;

    /// <summary>New objects each time: callers may change them.</summary>
    public static List<ClusterRole> ClusterRoles()
    {
        var roles = PolicyTable.Parse(ClusterRoleTable).Select(role => ClusterRoleOf(role.Name, role.Rules)).ToList();
        foreach (var role in roles)
            Aggregate(role);
        roles.AddRange(PolicyTable.Parse(ControllerTable).Select(role => ClusterRoleOf(ControllerRole(role.Name), role.Rules)));
        var together = PolicyTable.Parse(ControllerTable).SelectMany(role => role.Rules).SelectMany(RuleCoverage.BreakDown);
        roles.Add(ClusterRoleOf(AllControllers, RuleCoverage.Compact(together)));
        return roles;
    }

    public static List<ClusterRoleBinding> ClusterRoleBindings()
    {
        List<ClusterRoleBinding> bindings =
        [
            Bind("cluster-admin", Group("system:masters")),
            Bind("system:basic-user", Group("system:authenticated")),
            Bind("system:discovery", Group("system:authenticated")),
            Bind("system:kube-controller-manager", User("system:kube-controller-manager")),
            Bind("system:kube-dns", ServiceAccount("kube-dns")),
            Bind("system:kube-scheduler", User("system:kube-scheduler")),
            Bind("system:monitoring", Group("system:monitoring")),
            // The node authorizer has taken its place; it binds nobody.
            Bind("system:node"),
            Bind("system:node-proxier", User("system:kube-proxy")),
            Bind("system:public-info-viewer", Group("system:authenticated"), Group("system:unauthenticated")),
            Bind("system:service-account-issuer-discovery", Group("system:serviceaccounts")),
            Bind("system:volume-scheduler", User("system:kube-scheduler")),
            Bind(AllControllers, User("system:kube-controller-manager")),
        ];
        bindings.AddRange(PolicyTable.Parse(ControllerTable).Select(role => Bind(ControllerRole(role.Name), ServiceAccount(role.Name))));
        return bindings;
    }

    public static List<Role> Roles() =>
    [
        .. PolicyTable.Parse(NamespaceRoleTable).Select(role => new Role
        {
            Metadata = Default(new ObjectMeta { Namespace = role.Name.Split(' ')[0], Name = role.Name.Split(' ')[1] }),
            Rules = role.Rules,
        }),
    ];

    public static List<RoleBinding> RoleBindings() =>
    [
        Bind(PublicNamespace, "system:controller:bootstrap-signer", "system:controller:bootstrap-signer", ServiceAccount("bootstrap-signer")),
        Bind(SystemNamespace, "system::extension-apiserver-authentication-reader", "extension-apiserver-authentication-reader",
            User("system:kube-controller-manager"), User("system:kube-scheduler")),
        Bind(SystemNamespace, "system::leader-locking-kube-controller-manager", "system::leader-locking-kube-controller-manager",
            User("system:kube-controller-manager"), ServiceAccount("kube-controller-manager"), ServiceAccount("leader-election-controller")),
        Bind(SystemNamespace, "system::leader-locking-kube-scheduler", "system::leader-locking-kube-scheduler",
            User("system:kube-scheduler"), ServiceAccount("kube-scheduler")),
        Bind(SystemNamespace, "system:controller:bootstrap-signer", "system:controller:bootstrap-signer", ServiceAccount("bootstrap-signer")),
        Bind(SystemNamespace, "system:controller:cloud-provider", "system:controller:cloud-provider", ServiceAccount("cloud-provider")),
        Bind(SystemNamespace, "system:controller:token-cleaner", "system:controller:token-cleaner", ServiceAccount("token-cleaner")),
    ];

    private static string ControllerRole(string controller) => $"system:controller:{controller}";

    private static ClusterRole ClusterRoleOf(string name, List<PolicyRule> rules) => new()
    {
        Metadata = Default(new ObjectMeta { Name = name }),
        Rules = rules.Count == 0 ? null : rules,
    };

    /// <summary>view is part of edit, and edit of admin; each also takes in what other roles offer it by a label.</summary>
    private static void Aggregate(ClusterRole role)
    {
        var labels = role.Metadata.Labels!;
        switch (role.Name)
        {
            case "admin":
                role.AggregationRule = Selecting("admin");
                break;
            case "edit":
                role.AggregationRule = Selecting("edit");
                labels[AggregateTo + "admin"] = "true";
                break;
            case "view":
                role.AggregationRule = Selecting("view");
                labels[AggregateTo + "edit"] = "true";
                break;
            case "system:aggregate-to-admin" or "system:aggregate-to-edit" or "system:aggregate-to-view":
                labels[AggregateTo + role.Name["system:aggregate-to-".Length..]] = "true";
                break;
        }
    }

    private static AggregationRule Selecting(string role) => new()
    {
        ClusterRoleSelectors = [new LabelSelector { MatchLabels = new() { [AggregateTo + role] = "true" } }],
    };

    private static ClusterRoleBinding Bind(string role, params List<Subject> subjects) => new()
    {
        Metadata = Default(new ObjectMeta { Name = role }),
        RoleRef = new RoleRef { ApiGroup = GroupName, Kind = "ClusterRole", Name = role },
        Subjects = subjects.Count == 0 ? null : subjects,
    };

    private static RoleBinding Bind(string namespaceName, string name, string role, params List<Subject> subjects) => new()
    {
        Metadata = Default(new ObjectMeta { Namespace = namespaceName, Name = name }),
        RoleRef = new RoleRef { ApiGroup = GroupName, Kind = "Role", Name = role },
        Subjects = subjects,
    };

    private static ObjectMeta Default(ObjectMeta metadata)
    {
        metadata.Labels = new() { [Bootstrapping] = "rbac-defaults" };
        metadata.Annotations = new() { [AutoUpdate] = "true" };
        return metadata;
    }

    private static Subject User(string name) => new() { ApiGroup = GroupName, Kind = "User", Name = name };

    private static Subject Group(string name) => new() { ApiGroup = GroupName, Kind = "Group", Name = name };

    private static Subject ServiceAccount(string name) => new() { Kind = "ServiceAccount", Namespace = SystemNamespace, Name = name };
}
