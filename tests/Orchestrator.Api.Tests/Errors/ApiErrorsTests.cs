using System.Text;

namespace Orchestrator.Api.Tests.Errors;

public sealed class ApiErrorsTests
{
    private static readonly GroupResource Deployments = new("apps", "deployments");
    private static readonly GroupResource Pods = new("", "pods");

    public static TheoryData<ApiException, string> Bodies() => new()
    {
        { ApiErrors.NotFound(Pods, "web"), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"pods \"web\" not found","reason":"NotFound","details":{"name":"web","kind":"pods"},"code":404}""" },
        { ApiErrors.AlreadyExists(Deployments, "web"), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"deployments.apps \"web\" already exists","reason":"AlreadyExists","details":{"name":"web","group":"apps","kind":"deployments"},"code":409}""" },
        { ApiErrors.Conflict(Deployments, "web"), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified; please apply your changes to the latest version and try again","reason":"Conflict","details":{"name":"web","group":"apps","kind":"deployments"},"code":409}""" },
        { ApiErrors.BadRequest("no"), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"no","reason":"BadRequest","code":400}""" },
        { ApiErrors.Forbidden(Pods, "", "User \"eve\" cannot list resource \"pods\""), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"pods is forbidden: User \"eve\" cannot list resource \"pods\"","reason":"Forbidden","details":{"kind":"pods"},"code":403}""" },
        { ApiErrors.Unauthorized(), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}""" },
        { ApiErrors.MethodNotSupported(Deployments, "get"), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"get is not supported on resources of kind \"deployments.apps\"","reason":"MethodNotAllowed","details":{"group":"apps","kind":"deployments"},"code":405}""" },
        { ApiErrors.NotAcceptable(["application/json", "application/yaml"]), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"only the following media types are accepted: application/json, application/yaml","reason":"NotAcceptable","code":406}""" },
        { ApiErrors.UnsupportedMediaType(["application/json"]), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the body of the request was in an unknown format - accepted media types include: application/json","reason":"UnsupportedMediaType","code":415}""" },
        { ApiErrors.RequestEntityTooLarge("limit is 3145728"), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Request entity too large: limit is 3145728","reason":"RequestEntityTooLarge","code":413}""" },
        { ApiErrors.Expired("too old resource version: 1 (5)"), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (5)","reason":"Expired","code":410}""" },
        { ApiErrors.TooManyRequests("later", 1), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"later","reason":"TooManyRequests","details":{"retryAfterSeconds":1},"code":429}""" },
        { ApiErrors.Timeout("slow", 0), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Timeout: slow","reason":"Timeout","details":{},"code":504}""" },
        { ApiErrors.InternalError("broken"), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Internal error occurred: broken","reason":"InternalError","details":{"causes":[{"message":"broken"}]},"code":500}""" },
        { ApiErrors.ServiceUnavailable("no"), """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"no","reason":"ServiceUnavailable","code":503}""" },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public void A_refusal_is_the_very_Status_that_clients_know(ApiException exception, string body)
    {
        Assert.Equal(body, Encoding.UTF8.GetString(KubernetesJson.Serialize(exception.Status)));
        Assert.Equal(exception.Status.Code, exception.Code);
    }

    [Fact]
    public void An_invalid_object_is_told_all_that_is_wrong_with_it()
    {
        var spec = FieldPath.Of("spec");

        var exception = ApiErrors.Invalid(new GroupKind("apps", "Deployment"), "web",
            [FieldError.Invalid(spec.Child("replicas"), -1, "must be greater than or equal to 0"), FieldError.Required(spec.Child("selector"))]);

        Assert.Equal("Deployment.apps \"web\" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, spec.selector: Required value]",
            exception.Message);
        Assert.Equal(422, exception.Code);
        Assert.Equal("""[{"reason":"FieldValueInvalid","message":"Invalid value: -1: must be greater than or equal to 0","field":"spec.replicas"},{"reason":"FieldValueRequired","message":"Required value","field":"spec.selector"}]""",
            $"[{string.Join(',', exception.Status.Details!.Causes!.Select(cause => Encoding.UTF8.GetString(KubernetesJson.Serialize(cause))))}]");
    }

    [Fact]
    public void One_error_stands_without_brackets_and_a_message_is_said_once()
    {
        var error = FieldError.Required(FieldPath.Of("metadata", "name"), "name or generateName is required");

        Assert.Equal("Pod \"\" is invalid: metadata.name: Required value: name or generateName is required",
            ApiErrors.Invalid(new GroupKind("", "Pod"), "", [error, error]).Message);
    }
}
