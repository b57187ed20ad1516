use super::*;

fn head(text: &str) -> Result<Option<Head>, UpstreamError> {
    take(&mut BytesMut::from(text), &mut 0, false)
}

fn whole(text: &str) -> Head {
    head(text).unwrap().unwrap()
}

#[test]
fn a_head_is_taken_off_once_it_is_all_there() {
    let text =
        "HTTP/1.1 299 Quite Fine\r\nA: b\r\nSet-Cookie: x\r\nset-cookie: y\r\nContent-Length: 3\r\n\r\n";
    for end in 0..text.len() {
        let mut buffer = BytesMut::from(&text[..end]);
        assert!(take(&mut buffer, &mut 0, false).unwrap().is_none(), "after {end} bytes");
        assert_eq!(buffer.len(), end);
    }
    let mut buffer = BytesMut::from(format!("{text}abcHTTP").as_str());
    let head = take(&mut buffer, &mut 0, false).unwrap().unwrap();
    assert_eq!(&buffer[..], b"abcHTTP");
    assert_eq!(head.response.status(), 299);
    assert_eq!(head.response.extensions().get::<ReasonPhrase>().unwrap().as_bytes(), b"Quite Fine");
    let cookies: Vec<_> = head.response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["x", "y"]);
    assert_eq!((head.length, head.keeps), (Length::Bytes(3), true));
}

#[test]
fn a_head_is_the_same_however_its_reads_cut_it() {
    for ends in [["\r\n", "\r\n"], ["\n", "\n"], ["\r\n", "\n"], ["\n", "\r\n"]] {
        let text = format!("HTTP/1.1 200 OK{0}A: b{0}Content-Length: 3{0}{1}", ends[0], ends[1]);
        for read_bytes in 1..text.len() {
            let (mut buffer, mut seen_bytes, mut found) = (BytesMut::new(), 0, None);
            for part in text.as_bytes().chunks(read_bytes) {
                assert!(found.is_none(), "{text:?} in parts of {read_bytes}");
                buffer.extend_from_slice(part);
                found = take(&mut buffer, &mut seen_bytes, false).unwrap();
            }
            let head = found.unwrap_or_else(|| panic!("{text:?} in parts of {read_bytes}"));
            assert_eq!((head.length, buffer.len(), seen_bytes), (Length::Bytes(3), 0, 0));
        }
    }
}

#[test]
fn the_end_of_a_body_is_found_as_the_standard_says() {
    let cases = [
        ("HTTP/1.1 200 OK", "Content-Length: 0\r\n", Length::Bytes(0), true),
        ("HTTP/1.1 200 OK", "Content-Length: 7\r\nContent-Length: 7\r\n", Length::Bytes(7), true),
        ("HTTP/1.1 200 OK", "Transfer-Encoding: Chunked\r\n", Length::Chunked, true),
        ("HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\nContent-Length: 7\r\n", Length::Chunked, false),
        ("HTTP/1.1 200 OK", "", Length::UntilClose, false),
        ("HTTP/1.1 200 OK", "Connection: x, Close\r\nContent-Length: 7\r\n", Length::Bytes(7), false),
        ("HTTP/1.0 200 OK", "Content-Length: 7\r\n", Length::Bytes(7), false),
        ("HTTP/1.0 200 OK", "Connection: keep-alive\r\nContent-Length: 7\r\n", Length::Bytes(7), true),
        ("HTTP/1.1 204 No Content", "", Length::Bytes(0), true),
        ("HTTP/1.1 304 Not Modified", "Content-Length: 7\r\n", Length::Bytes(0), true),
        ("HTTP/1.1 101 Switching Protocols", "Content-Length: 7\r\n", Length::Bytes(0), true),
    ];
    for (line, headers, length, keeps) in cases {
        let head = whole(&format!("{line}\r\n{headers}\r\n"));
        assert_eq!((head.length, head.keeps), (length, keeps), "{line} {headers:?}");
        let lengths = head.response.headers().get_all(header::CONTENT_LENGTH).iter().count();
        assert!(lengths <= 1 && (lengths == 0 || head.length != Length::Chunked), "{line} {headers:?}");
    }
    let answer_to_head = &mut BytesMut::from("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    let head = take(answer_to_head, &mut 0, true).unwrap().unwrap();
    assert_eq!((head.length, head.keeps), (Length::Bytes(0), true));
    assert_eq!(head.response.headers()[header::CONTENT_LENGTH], "7");
}

#[test]
fn a_head_that_can_be_read_in_two_ways_is_refused() {
    let long = format!("A: {}\r\n", "x".repeat(MAX_HEAD_BYTES));
    let many = "A: b\r\n".repeat(MAX_HEADERS + 1);
    let cases = [
        "Content-Length: 7\r\nContent-Length: 8\r\n",
        "Content-Length: 7, 7\r\n",
        "Content-Length: +7\r\n",
        "Content-Length: \r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "A : b\r\n",
        " A: b\r\n",
        "A: b\r\n folded\r\n",
        "A: b\0c\r\n",
        "no colon\r\n",
        &long,
        &many,
    ];
    for headers in cases {
        let text = format!("HTTP/1.1 200 OK\r\n{headers}");
        let ended = head(&format!("{text}\r\n"));
        // One that is too long is refused before its end.
        assert!(ended.is_err() || head(&text).is_err(), "{}", &headers[..headers.len().min(60)]);
    }
    for line in [
        "\r\nHTTP/1.1 200 OK",
        "\nHTTP/1.1 200 OK",
        "HTTP/2 200 OK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 099 OK",
        "ICY 200 OK",
        "\0\0\0\0\0\0\0\0\0",
    ] {
        assert!(head(&format!("{line}\r\n\r\n")).is_err(), "{line:?}");
    }
    assert!(head("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
}
