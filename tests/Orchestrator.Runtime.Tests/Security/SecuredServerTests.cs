using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Runtime.Security.Certificates;
using Orchestrator.Runtime.Security.Tokens;
using static Orchestrator.Runtime.Tests.Security.SecuredServer;

namespace Orchestrator.Runtime.Tests.Security;

public sealed class SecuredServerTests(SecuredServer cluster) : IClassFixture<SecuredServer>
{
    private static void AssertStatus(string expected, JsonObject body) => Assert.Equal(Sorted(JsonNode.Parse(expected)!), Status(body));

    private static string Status(JsonObject body)
    {
        body.Remove("$warnings");
        return Sorted(body);
    }

    private Task<(int Code, JsonObject Body)> GetAsync(HttpClient client, string path) => cluster.GetAsync(client, path);

    private Task<(int Code, JsonObject Body)> PostAsync(HttpClient client, string path, string body) => cluster.PostAsync(client, path, body);

    private async Task GrantAsync(string ns, string clusterRole, string user)
    {
        string binding = $$"""{"metadata":{"name":"{{clusterRole}}-{{user}}"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"{{clusterRole}}"},"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"{{user}}"}]}""";
        var (code, body) = await PostAsync(cluster.Admin, $"/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings", binding);
        Assert.True(code == 201, body.ToJsonString());
    }

    [Fact]
    public async Task Who_is_not_allowed_is_told_what_they_may_not()
    {
        var eve = cluster.ClientOf("eve");

        var (code, body) = await GetAsync(eve, "/api/v1/namespaces/default/pods");

        Assert.Equal(403, code);
        AssertStatus("""{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"pods is forbidden: User \u0022eve\u0022 cannot list resource \u0022pods\u0022 in API group \u0022\u0022 in the namespace \u0022default\u0022","reason":"Forbidden","details":{"kind":"pods"},"code":403}""",
            body);
        (_, body) = await GetAsync(eve, "/apis/apps/v1/namespaces/default/deployments/web");
        AssertStatus("""{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"deployments.apps \u0022web\u0022 is forbidden: User \u0022eve\u0022 cannot get resource \u0022deployments\u0022 in API group \u0022apps\u0022 in the namespace \u0022default\u0022","reason":"Forbidden","details":{"name":"web","group":"apps","kind":"deployments"},"code":403}""",
            body);
        (_, body) = await GetAsync(eve, "/metrics");
        Assert.Equal("forbidden: User \"eve\" cannot get path \"/metrics\"", (string?)body["message"]);
    }

    [Fact]
    public async Task Nobody_may_see_the_version_and_nothing_else()
    {
        var nobody = cluster.Client(null);

        Assert.Equal(200, (await GetAsync(nobody, "/version")).Code);
        var (code, body) = await GetAsync(nobody, "/api/v1/namespaces");
        Assert.Equal(403, code);
        Assert.Equal("namespaces is forbidden: User \"system:anonymous\" cannot list resource \"namespaces\" in API group \"\" at the cluster scope",
            (string?)body["message"]);
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("eyJhbGciOiJub25lIn0.e30.")]
    public async Task A_bad_token_is_unauthorized_and_not_anonymous(string token)
    {
        var (code, body) = await GetAsync(cluster.Client(null, token), "/version");

        Assert.Equal(401, code);
        AssertStatus("""{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}""",
            body);
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_unauthorized()
    {
        using var stranger = CertificateAuthority.Create("stranger", DateTimeOffset.UtcNow, TimeSpan.FromDays(1));
        using var certificate = stranger.Issue(CertificateSubject.Client("kubernetes-admin", "system:masters"), DateTimeOffset.UtcNow, TimeSpan.FromDays(1));

        Assert.Equal(401, (await GetAsync(cluster.Client(certificate), "/version")).Code);
        // Nor does one that the right authority has signed for a server.
        Assert.Equal(401, (await GetAsync(cluster.Client(cluster.Certificates.ApiServer), "/version")).Code);
    }

    [Fact]
    public async Task Whoami_tells_name_groups_and_credential()
    {
        var (code, body) = await PostAsync(cluster.ClientOf("ann", "dev", "ops"), "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");

        Assert.Equal(201, code);
        Assert.Equal("ann", (string?)body["status"]!["userInfo"]!["username"]);
        Assert.Equal("""["dev","ops","system:authenticated"]""", body["status"]!["userInfo"]!["groups"]!.ToJsonString());
        Assert.StartsWith("X509SHA256=", (string?)body["status"]!["userInfo"]!["extra"]!["authentication.kubernetes.io/credential-id"]![0]);
        (_, body) = await PostAsync(cluster.Client(null, "static-secret"), "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
        Assert.Equal("tester", (string?)body["status"]!["userInfo"]!["username"]);
    }

    [Fact]
    public async Task Can_i_answers_for_oneself_and_list_lists()
    {
        string ns = await cluster.NewNamespaceAsync();
        await GrantAsync(ns, "view", "vic");
        var vic = cluster.ClientOf("vic");
        Task<(int, JsonObject)> CanI(string verb, string resource) => PostAsync(vic, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            $$$"""{"spec":{"resourceAttributes":{"namespace":"{{{ns}}}","verb":"{{{verb}}}","resource":"{{{resource}}}"} } }""");

        var (_, yes) = await UntilAsync(() => CanI("get", "pods"), answer => (bool?)answer.Body["status"]!["allowed"] == true);
        var (_, no) = await CanI("get", "secrets");
        var (_, list) = await PostAsync(vic, "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", $$$"""{"spec":{"namespace":"{{{ns}}}"} }""");

        Assert.True((bool?)yes["status"]!["allowed"]);
        Assert.Equal($"RBAC: allowed by RoleBinding \"view-vic/{ns}\" of ClusterRole \"view\" to User \"vic\"", (string?)yes["status"]!["reason"]);
        Assert.False((bool?)no["status"]!["allowed"]);
        Assert.Contains(list["status"]!["resourceRules"]!.AsArray(), rule => rule!["resources"]!.AsArray().Any(resource => (string?)resource == "pods/log"));
        Assert.False((bool?)list["status"]!["incomplete"]);
    }

    [Fact]
    public async Task A_subject_access_review_must_say_whom_and_what()
    {
        var (code, body) = await PostAsync(cluster.Admin, "/apis/authorization.k8s.io/v1/subjectaccessreviews", """{"spec":{"user":"x"} }""");

        Assert.Equal(422, code);
        Assert.Contains("spec.resourceAttributes: Invalid value: \"\": exactly one of nonResourceAttributes or resourceAttributes must be specified", (string?)body["message"]);
        (_, body) = await PostAsync(cluster.Admin, "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            """{"spec":{"user":"x","nonResourceAttributes":{"path":"/healthz","verb":"get"},"groups":["system:unauthenticated"]} }""");
        Assert.True((bool?)body["status"]!["allowed"]);
    }

    [Fact]
    public async Task What_is_never_stored_cannot_be_shown_as_a_table()
    {
        var (code, body) = await SecuredServer.SendAsync(
            cluster.Admin, HttpMethod.Post, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            """{"spec":{"nonResourceAttributes":{"path":"/","verb":"get"}}}""",
            headers: ("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"));

        Assert.Equal(406, code);
        Assert.Equal("NotAcceptable", (string?)body["reason"]);
    }

    [Fact]
    public async Task Flow_control_is_there_from_the_start()
    {
        var (_, levels) = await SecuredServer.SendAsync(
            cluster.Admin, HttpMethod.Get, "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations");
        var (code, refusal) = await SecuredServer.SendAsync(
            cluster.Admin, HttpMethod.Patch, "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/exempt",
            """{"spec":{"matchingPrecedence":3}}""", "application/merge-patch+json");

        Assert.Equal(
            ["catch-all", "exempt", "global-default", "leader-election", "node-high", "system", "workload-high", "workload-low"],
            levels["items"]!.AsArray().Select(level => (string)level!["metadata"]!["name"]!));
        Assert.Equal(422, code);
        Assert.Contains("spec of 'exempt' must equal the fixed value", (string?)refusal["message"]);
    }

    [Fact]
    public async Task Acting_for_another_needs_leave_and_gives_only_the_others_rights()
    {
        var eve = cluster.ClientOf("eve");
        var (code, body) = await SendAsync(eve, HttpMethod.Get, "/api/v1/nodes", null, "", ("Impersonate-User", "bob"));
        Assert.Equal(403, code);
        Assert.Equal("users \"bob\" is forbidden: User \"eve\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope", (string?)body["message"]);

        (_, body) = await SendAsync(cluster.Admin, HttpMethod.Get, "/api/v1/nodes", null, "", ("Impersonate-User", "bob"), ("Impersonate-Group", "g"));
        Assert.Equal("nodes is forbidden: User \"bob\" cannot list resource \"nodes\" in API group \"\" at the cluster scope", (string?)body["message"]);

        (_, body) = await SendAsync(cluster.Admin, HttpMethod.Post, "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}", "application/json",
            ("Impersonate-User", "system:serviceaccount:a:b"), ("Impersonate-Extra-Scope%2fx", "one"), ("Impersonate-Uid", "u1"));
        Assert.Equal("""{"extra":{"scope/x":["one"]},"groups":["system:serviceaccounts","system:serviceaccounts:a","system:authenticated"],"uid":"u1","username":"system:serviceaccount:a:b"}""",
            Sorted(body["status"]!["userInfo"]!));

        (code, _) = await SendAsync(cluster.Admin, HttpMethod.Get, "/version", null, "", ("Impersonate-Group", "g"));
        Assert.Equal(500, code);
    }

    [Fact]
    public async Task A_service_account_works_with_its_token_until_it_is_gone()
    {
        string ns = await cluster.NewNamespaceAsync();
        await PostAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/serviceaccounts", """{"metadata":{"name":"robot"} }""");
        var (code, body) = await PostAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/serviceaccounts/robot/token",
            """{"spec":{"expirationSeconds":600} }""");
        Assert.True(code == 201, body.ToJsonString());
        string token = (string)body["status"]!["token"]!;
        var robot = cluster.Client(null, token);

        (_, body) = await PostAsync(robot, "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
        Assert.Equal($"system:serviceaccount:{ns}:robot", (string?)body["status"]!["userInfo"]!["username"]);
        Assert.Contains("system:serviceaccounts", body["status"]!["userInfo"]!["groups"]!.ToJsonString());
        (_, body) = await GetAsync(robot, "/api/v1/namespaces/default/pods");
        Assert.Equal($"pods is forbidden: User \"system:serviceaccount:{ns}:robot\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"", (string?)body["message"]);
        (_, body) = await PostAsync(cluster.Admin, "/apis/authentication.k8s.io/v1/tokenreviews", $$$"""{"spec":{"token":"{{{token}}}"} }""");
        Assert.True((bool?)body["status"]!["authenticated"]);
        Assert.Equal("""["https://kubernetes.default.svc.cluster.local"]""", body["status"]!["audiences"]!.ToJsonString());

        Assert.Equal(200, (await SendAsync(cluster.Admin, HttpMethod.Delete, $"/api/v1/namespaces/{ns}/serviceaccounts/robot")).Code);

        (code, _) = await UntilAsync(() => PostAsync(robot, "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}"), answer => answer.Code == 401);
        Assert.Equal(401, code);
        (_, body) = await PostAsync(cluster.Admin, "/apis/authentication.k8s.io/v1/tokenreviews", $$$"""{"spec":{"token":"{{{token}}}"} }""");
        Assert.Null(body["status"]!["authenticated"]);
        Assert.Equal("serviceaccounts \"robot\" not found", (string?)body["status"]!["error"]);
    }

    [Fact]
    public async Task A_token_out_of_a_secret_is_good_while_the_secret_holds_it()
    {
        string ns = await cluster.NewNamespaceAsync();
        string path = $"/api/v1/namespaces/{ns}/secrets";
        var (_, account) = await PostAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/serviceaccounts", """{"metadata":{"name":"robot"} }""");
        using var issuer = new SecretTokenIssuer(cluster.Certificates);
        string uid = (string)account["metadata"]!["uid"]!;
        var secret = new Secret
        {
            Metadata = new()
            {
                Namespace = ns, Name = "token",
                Annotations = new() { ["kubernetes.io/service-account.name"] = "robot", ["kubernetes.io/service-account.uid"] = uid },
            },
            Type = "kubernetes.io/service-account-token",
        };
        string token = issuer.Issue(secret);
        var robot = cluster.Client(null, token);
        Task<(int Code, JsonObject Body)> WhoAmI() => PostAsync(robot, "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");

        var before = await WhoAmI();
        secret.Data = new() { ["token"] = Encoding.UTF8.GetBytes(token) };
        await PostAsync(cluster.Admin, path, Encoding.UTF8.GetString(KubernetesJson.Serialize(secret)));
        var held = await WhoAmI();
        await SendAsync(cluster.Admin, HttpMethod.Delete, path + "/token");
        var after = await UntilAsync(WhoAmI, answer => answer.Code == 401);

        Assert.Equal(401, before.Code);
        Assert.Equal($"system:serviceaccount:{ns}:robot", (string?)held.Body["status"]!["userInfo"]!["username"]);
        Assert.Equal(uid, (string?)held.Body["status"]!["userInfo"]!["uid"]);
        Assert.Equal(401, after.Code);
    }

    [Fact]
    public async Task A_proxy_in_front_speaks_for_others_and_nobody_else_does()
    {
        (string, string)[] headers = [("X-Remote-User", "ann"), ("X-Remote-Group", "dev"), ("X-Remote-Extra-Scope", "one")];
        Task<(int Code, JsonObject Body)> WhoAmI(HttpClient client) =>
            SendAsync(client, HttpMethod.Post, "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}", "application/json", headers);

        var (_, byProxy) = await WhoAmI(cluster.Client(cluster.Certificates.FrontProxyClient));
        var (_, byUser) = await WhoAmI(cluster.ClientOf("front-proxy-client"));
        var (mute, _) = await PostAsync(cluster.Client(cluster.Certificates.FrontProxyClient), "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");

        Assert.Equal(
            """{"extra":{"scope":["one"]},"groups":["dev","system:authenticated"],"username":"ann"}""", Sorted(byProxy["status"]!["userInfo"]!));
        Assert.Equal("front-proxy-client", (string?)byUser["status"]!["userInfo"]!["username"]);
        Assert.Equal(401, mute);
    }

    [Theory]
    [InlineData("""{"spec":{"expirationSeconds":599} }""", 422, "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes")]
    [InlineData("""{"spec":{"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"none"} } }""", 404, "pods \"none\" not found")]
    [InlineData("""{"spec":{"boundObjectRef":{"kind":"Thing","apiVersion":"x/v1","name":"none"} } }""", 400, "cannot bind token to object of type x/v1, Kind=Thing")]
    public async Task A_token_request_that_cannot_be_granted_says_why(string request, int expected, string message)
    {
        string ns = await cluster.NewNamespaceAsync();

        var (code, body) = await PostAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/serviceaccounts/default/token", request);

        Assert.Equal((expected, message), (code, (string?)body["message"]));
    }

    [Fact]
    public async Task Tokens_can_be_checked_with_the_published_keys()
    {
        string ns = await cluster.NewNamespaceAsync();
        var (_, request) = await PostAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/serviceaccounts/default/token", """{"spec":{"audiences":["vault"]} }""");
        string token = (string)request["status"]!["token"]!;

        var (_, discovery) = await GetAsync(cluster.Client(null, await TokenAsync(ns)), "/.well-known/openid-configuration");
        var (_, keys) = await GetAsync(cluster.Client(null, await TokenAsync(ns)), "/openid/v1/jwks");

        Assert.Equal("https://kubernetes.default.svc.cluster.local", (string?)discovery["issuer"]);
        Assert.Equal("https://kubernetes.default.svc.cluster.local/openid/v1/jwks", (string?)discovery["jwks_uri"]);
        var key = keys["keys"]![0]!;
        using var rsa = RSA.Create(new RSAParameters
        {
            Modulus = System.Buffers.Text.Base64Url.DecodeFromChars((string)key["n"]!), Exponent = System.Buffers.Text.Base64Url.DecodeFromChars((string)key["e"]!),
        });
        var jwt = Jwt.TryParse(token)!;
        Assert.Equal((string?)key["kid"], jwt.KeyId);
        Assert.True(rsa.VerifyData(jwt.SignedBytes, jwt.Signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        // It is for somebody else: this server does not take it.
        Assert.Equal(401, (await GetAsync(cluster.Client(null, token), "/version")).Code);
        var (_, review) = await PostAsync(cluster.Admin, "/apis/authentication.k8s.io/v1/tokenreviews", $$$"""{"spec":{"token":"{{{token}}}"} }""");
        Assert.Equal("token audiences [\"vault\"] is invalid for the target audiences [\"https://kubernetes.default.svc.cluster.local\"]", (string?)review["status"]!["error"]);
        var (code, refused) = await GetAsync(cluster.Client(null), "/openid/v1/jwks");
        Assert.Equal((403, "forbidden: User \"system:anonymous\" cannot get path \"/openid/v1/jwks\""), (code, (string?)refused["message"]));
    }

    private async Task<string> TokenAsync(string ns) =>
        (string)(await PostAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/serviceaccounts/default/token", "{}")).Body["status"]!["token"]!;

    [Fact]
    public async Task The_bootstrap_roles_are_there_with_their_aggregated_rules()
    {
        var (_, list) = await GetAsync(cluster.Admin, "/apis/rbac.authorization.k8s.io/v1/clusterroles");
        var names = list["items"]!.AsArray().Select(role => (string)role!["metadata"]!["name"]!).ToHashSet();

        Assert.Superset(BootstrapPolicy.ClusterRoles().Select(role => role.Metadata.Name!).ToHashSet(), names);
        var (_, view) = await GetAsync(cluster.Admin, "/apis/rbac.authorization.k8s.io/v1/clusterroles/view");
        Assert.NotEmpty(view["rules"]!.AsArray());
        Assert.Equal(200, (await GetAsync(cluster.Admin, "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical")).Code);
        Assert.Equal(200, (await GetAsync(cluster.Admin, "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication")).Code);
    }

    [Fact]
    public async Task A_second_start_changes_nothing_that_is_right_and_mends_what_is_not()
    {
        const string dns = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:kube-dns";
        var (_, before) = await GetAsync(cluster.Admin, "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node-proxier");
        Assert.Equal(200, (await SendAsync(cluster.Admin, HttpMethod.Patch, dns, """{"rules":[]}""", "application/merge-patch+json")).Code);

        await using (await cluster.StartAsync())
        {
        }

        var (_, after) = await GetAsync(cluster.Admin, "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node-proxier");
        var (_, mended) = await GetAsync(cluster.Admin, dns);
        Assert.Equal((string?)before["metadata"]!["resourceVersion"], (string?)after["metadata"]!["resourceVersion"]);
        Assert.NotEmpty(mended["rules"]!.AsArray());
    }

    [Fact]
    public async Task Nobody_gives_what_they_do_not_hold()
    {
        string ns = await cluster.NewNamespaceAsync();
        await GrantAsync(ns, "admin", "amy");
        var amy = cluster.ClientOf("amy");
        string roles = $"/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles", bindings = $"/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings";
        const string pods = """{"metadata":{"name":"pods"},"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}]}""";

        var (code, body) = await UntilAsync(() => PostAsync(amy, roles, pods), answer => answer.Code != 403);
        Assert.True(code == 201, body.ToJsonString());
        (code, body) = await PostAsync(amy, roles, """{"metadata":{"name":"nodes"},"rules":[{"verbs":["get","list"],"apiGroups":[""],"resources":["nodes"]}]}""");
        Assert.Equal(403, code);
        Assert.Equal("roles.rbac.authorization.k8s.io \"nodes\" is forbidden: user \"amy\" (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n"
            + "{APIGroups:[\"\"], Resources:[\"nodes\"], Verbs:[\"get\" \"list\"]}", (string?)body["message"]);
        (code, body) = await PostAsync(amy, bindings,
            """{"metadata":{"name":"root"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"cluster-admin"},"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"amy"}]}""");
        Assert.Equal(403, code);
        Assert.Equal("rolebindings.rbac.authorization.k8s.io \"root\" is forbidden: user \"amy\" (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n"
            + "{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}\n{NonResourceURLs:[\"*\"], Verbs:[\"*\"]}", (string?)body["message"]);
        (code, body) = await PostAsync(amy, bindings,
            """{"metadata":{"name":"fine"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"vic"}]}""");
        Assert.True(code == 201, body.ToJsonString());
    }

    [Fact]
    public async Task A_pod_comes_out_of_admission_as_users_know_it()
    {
        string ns = await cluster.NewNamespaceAsync();

        var (code, pod) = await PostAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/pods",
            """{"metadata":{"name":"web"},"spec":{"containers":[{"name":"c","image":"nginx"}]} }""");

        Assert.True(code == 201, pod.ToJsonString());
        var spec = pod["spec"]!;
        Assert.Equal("default", (string?)spec["serviceAccountName"]);
        Assert.Equal(0, (int?)spec["priority"]);
        Assert.Equal("PreemptLowerPriority", (string?)spec["preemptionPolicy"]);
        Assert.Equal("""[{"effect":"NoExecute","key":"node.kubernetes.io/not-ready","operator":"Exists","tolerationSeconds":300},{"effect":"NoExecute","key":"node.kubernetes.io/unreachable","operator":"Exists","tolerationSeconds":300}]""",
            Sorted(spec["tolerations"]!));
        string volume = (string)spec["volumes"]![0]!["name"]!;
        Assert.Matches("^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$", volume);
        Assert.Equal($$"""[{"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount","name":"{{volume}}","readOnly":true}]""", Sorted(spec["containers"]![0]!["volumeMounts"]!));
        Assert.Equal("""{"defaultMode":420,"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},{"configMap":{"items":[{"key":"ca.crt","path":"ca.crt"}],"name":"kube-root-ca.crt"}},{"downwardAPI":{"items":[{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.namespace"},"path":"namespace"}]}}]}""",
            Sorted(spec["volumes"]![0]!["projected"]!));
    }

    private static string Sorted(JsonNode node) => Sort(node)!.ToJsonString();

    private static JsonNode? Sort(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject(map.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => KeyValuePair.Create(pair.Key, Sort(pair.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sort)]),
        _ => node?.DeepClone(),
    };

    [Fact]
    public async Task Namespaces_hold_what_they_must()
    {
        var (code, body) = await PostAsync(cluster.Admin, "/api/v1/namespaces/nowhere/configmaps", """{"metadata":{"name":"a"} }""");
        Assert.Equal((404, "namespaces \"nowhere\" not found"), (code, (string?)body["message"]));

        (code, body) = await SendAsync(cluster.Admin, HttpMethod.Delete, "/api/v1/namespaces/kube-system");
        Assert.Equal((403, "namespaces \"kube-system\" is forbidden: this namespace may not be deleted"), (code, (string?)body["message"]));

        string ns = await cluster.NewNamespaceAsync();
        await SendAsync(cluster.Admin, HttpMethod.Delete, $"/api/v1/namespaces/{ns}");
        (code, body) = await UntilAsync(() => PostAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/configmaps?dryRun=All", """{"metadata":{"name":"a"} }"""), answer => answer.Code == 403);
        Assert.Equal((403, $"configmaps \"a\" is forbidden: unable to create new content in namespace {ns} because it is being terminated"), (code, (string?)body["message"]));
        Assert.Equal("NamespaceTerminating", (string?)body["details"]!["causes"]![0]!["reason"]);
    }

    [Theory]
    [InlineData("binding", """{"metadata":{"name":"p"},"target":{"name":"n"} }""")]
    [InlineData("eviction", """{"metadata":{"name":"p"} }""")]
    public async Task What_is_posted_to_a_pod_is_refused_in_a_namespace_that_goes(string subresource, string body)
    {
        string ns = await cluster.NewNamespaceAsync();
        await PostAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/serviceaccounts", """{"metadata":{"name":"default"} }""");
        var (created, pod) = await PostAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/pods", """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"nginx"}]} }""");
        Assert.True(created == 201, pod.ToJsonString());
        await SendAsync(cluster.Admin, HttpMethod.Delete, $"/api/v1/namespaces/{ns}");

        var (code, refusal) = await UntilAsync(
            () => PostAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/pods/p/{subresource}?dryRun=All", body), answer => answer.Code == 403);

        Assert.Equal((403, $"pods \"p\" is forbidden: unable to create new content in namespace {ns} because it is being terminated"), (code, (string?)refusal["message"]));
        Assert.Equal("NamespaceTerminating", (string?)refusal["details"]!["causes"]![0]!["reason"]);
    }

    [Fact]
    public async Task An_enforced_level_refuses_and_a_warned_level_warns()
    {
        string ns = await cluster.NewNamespaceAsync("""{"pod-security.kubernetes.io/enforce":"baseline","pod-security.kubernetes.io/warn":"restricted"}""");
        string path = $"/api/v1/namespaces/{ns}/pods";

        var (code, body) = await PostAsync(cluster.Admin, path,
            """{"metadata":{"name":"a"},"spec":{"hostNetwork":true,"containers":[{"name":"c","image":"nginx","securityContext":{"privileged":true}}]} }""");
        Assert.Equal((403, "pods \"a\" is forbidden: violates PodSecurity \"baseline:latest\": host namespaces (hostNetwork=true), privileged (container \"c\" must not set securityContext.privileged=true)"),
            (code, (string?)body["message"]));

        (code, body) = await PostAsync(cluster.Admin, path, """{"metadata":{"name":"b"},"spec":{"containers":[{"name":"c","image":"nginx"}]} }""");
        Assert.True(code == 201, body.ToJsonString());
        Assert.Contains("would violate PodSecurity \\\"restricted:latest\\\": allowPrivilegeEscalation != false (container \\\"c\\\" must set securityContext.allowPrivilegeEscalation=false), "
            + "unrestricted capabilities (container \\\"c\\\" must set securityContext.capabilities.drop=[\\\"ALL\\\"]), runAsNonRoot != true (pod or container \\\"c\\\" must set securityContext.runAsNonRoot=true), "
            + "seccompProfile (pod or container \\\"c\\\" must set securityContext.seccompProfile.type to \\\"RuntimeDefault\\\" or \\\"Localhost\\\")", (string?)body["$warnings"]);
    }

    [Fact]
    public async Task A_quota_gives_out_no_more_than_there_is()
    {
        string ns = await cluster.NewNamespaceAsync();
        await PostAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/resourcequotas", """{"metadata":{"name":"q"},"spec":{"hard":{"pods":"3","requests.cpu":"2"} } }""");
        // What a controller does: it says what is used.
        await SendAsync(cluster.Admin, HttpMethod.Patch, $"/api/v1/namespaces/{ns}/resourcequotas/q/status",
            """{"status":{"hard":{"pods":"3","requests.cpu":"2"},"used":{"pods":"0","requests.cpu":"0"} } }""", "application/merge-patch+json");
        string path = $"/api/v1/namespaces/{ns}/pods";
        string Pod(string name) => $$$"""{"metadata":{"name":"{{{name}}}"},"spec":{"containers":[{"name":"c","image":"nginx","resources":{"requests":{"cpu":"100m"} } }]} }""";
        await UntilAsync(() => PostAsync(cluster.Admin, path + "?dryRun=All", Pod("probe")), answer => answer.Code == 201);

        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => PostAsync(cluster.Admin, path, Pod($"p{i}"))));

        Assert.Equal(3, answers.Count(answer => answer.Code == 201));
        Assert.All(answers.Where(answer => answer.Code != 201), answer =>
            Assert.EndsWith("is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3", (string?)answer.Body["message"]));
        var (_, quota) = await GetAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/resourcequotas/q");
        Assert.Equal("""{"pods":"3","requests.cpu":"300m"}""", quota["status"]!["used"]!.ToJsonString());
        var (_, unsaid) = await PostAsync(cluster.Admin, path, """{"metadata":{"name":"x"},"spec":{"containers":[{"name":"c","image":"nginx"}]} }""");
        Assert.Equal("pods \"x\" is forbidden: failed quota: q: must specify requests.cpu for: c", (string?)unsaid["message"]);
    }

    [Fact]
    public async Task A_node_reads_what_its_pods_need_and_nothing_else()
    {
        string ns = await cluster.NewNamespaceAsync();
        string node = $"n-{ns}";
        var kubelet = cluster.ClientOf($"system:node:{node}", "system:nodes");
        var (code, made) = await PostAsync(kubelet, "/api/v1/nodes", $$$"""{"metadata":{"name":"{{{node}}}"} }""");
        Assert.True(code == 201, made.ToJsonString());
        Assert.Equal("node.kubernetes.io/not-ready", (string?)made["spec"]!["taints"]![0]!["key"]);
        foreach (string secret in new[] { "used", "unused" })
            await PostAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/secrets", $$$"""{"metadata":{"name":"{{{secret}}}"} }""");
        var (_, pod) = await PostAsync(cluster.Admin, $"/api/v1/namespaces/{ns}/pods",
            $$$"""{"metadata":{"name":"web"},"spec":{"nodeName":"{{{node}}}","volumes":[{"name":"s","secret":{"secretName":"used"} }],"containers":[{"name":"c","image":"nginx"}]} }""");

        (code, _) = await UntilAsync(() => GetAsync(kubelet, $"/api/v1/namespaces/{ns}/secrets/used"), answer => answer.Code == 200);
        Assert.Equal(200, code);
        var (_, body) = await GetAsync(kubelet, $"/api/v1/namespaces/{ns}/secrets/unused");
        Assert.Equal($"secrets \"unused\" is forbidden: User \"system:node:{node}\" cannot get resource \"secrets\" in API group \"\" in the namespace \"{ns}\": no relationship found between node '{node}' and this object",
            (string?)body["message"]);
        Assert.Equal(403, (await GetAsync(kubelet, "/api/v1/pods")).Code);
        Assert.Equal(200, (await GetAsync(kubelet, $"/api/v1/pods?fieldSelector=spec.nodeName%3D{node}")).Code);
        string uid = (string)pod["metadata"]!["uid"]!;
        (code, body) = await PostAsync(kubelet, $"/api/v1/namespaces/{ns}/serviceaccounts/default/token",
            $$$"""{"spec":{"expirationSeconds":3607,"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"web","uid":"{{{uid}}}"} } }""");
        Assert.True(code == 201, body.ToJsonString());
        var (_, review) = await PostAsync(cluster.Admin, "/apis/authentication.k8s.io/v1/tokenreviews", $$$"""{"spec":{"token":"{{{(string?)body["status"]!["token"]}}}"} }""");
        Assert.Equal(node, (string?)review["status"]!["user"]!["extra"]!["authentication.kubernetes.io/node-name"]![0]);
        (_, body) = await PostAsync(kubelet, $"/api/v1/namespaces/{ns}/serviceaccounts/default/token", "{}");
        Assert.Equal("serviceaccounts \"default\" is forbidden: node requested token not bound to a pod", (string?)body["message"]);
        (_, body) = await PostAsync(kubelet, "/api/v1/nodes", """{"metadata":{"name":"other"} }""");
        Assert.Equal($"nodes \"other\" is forbidden: node \"{node}\" is not allowed to modify node \"other\"", (string?)body["message"]);
    }
}
