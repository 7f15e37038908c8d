"""The compiled reader looks for what headers.py asks for, under pydicom's own numbers and representations."""

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from radiogen.imaging.dicom import headers
from radiogen.imaging.fast import elements


def _text(representation):
    return representation.to_bytes(2, "little").decode()


def test_every_element_that_headers_ask_for_is_looked_for():
    wanted = {int(tag) for tag in headers._wanted_tags()}
    assert wanted | {0x0002_0002, 0x0002_0010, 0x0008_0005} == set(elements.TOP)


def test_numbers_and_representations_are_those_of_the_dictionary():
    for tag, (keyword, representation) in elements.TOP.items():
        if isinstance(keyword, str):
            assert (keyword_for_tag(tag), dictionary_VR(tag)) == (keyword, _text(representation))
        else:
            assert keyword == tag and (tag >> 16) % 2 == 1, "a private element is named by its tag"
    for (macro, tag), leaves in elements.GROUPS.items():
        assert tag_for_keyword(macro) == tag and dictionary_VR(tag) == "SQ"
        for keyword, leaf, representation in leaves:
            assert (tag_for_keyword(keyword), dictionary_VR(leaf)) == (leaf, _text(representation))


def test_elements_are_in_the_order_in_which_a_file_holds_them():
    assert list(elements.TOP) == sorted(elements.TOP)


def test_each_functional_group_is_found_by_its_path():
    paths = elements.GROUP_PATHS
    assert len(set(paths)) == len(paths)
    for (macro, _), leaves in elements.GROUPS.items():
        assert (macro,) in paths and all((macro, keyword) in paths for keyword, _, _ in leaves)
    assert (*elements.GRADIENT[:2], elements.GRADIENT[3][0]) in paths
